package io.ashlar.tools.command;

import io.ashlar.client.model.Address;
import io.ashlar.tools.output.Console;

import java.util.List;

/** What a command needs of the command line that it is part of. */
public interface CommandRoot {
    Console console();

    /** The cluster that the options, or else the environment, name. */
    List<Address> coordinators();
}
