package io.ashlar.tools;

import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Console;

/** The {@code ashlar} command. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        StandardError.takeBack();
        int exitCode = CommandTree.run(Console.ofProcess(), args);
        System.exit(exitCode);
    }
}
