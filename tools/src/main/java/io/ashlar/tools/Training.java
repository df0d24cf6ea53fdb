package io.ashlar.tools;

import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Console;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;

/**
 * What the launcher runs once after a build, so that the JVM records the classes that commands
 * load. It runs commands that touch no cluster; that they fail for want of one is expected.
 */
public final class Training {

    private static final List<List<String>> COMMAND_LINES = List.of(
            List.of("--help"),
            List.of("completion", "bash"),
            List.of("doctor", "--json"),
            List.of("no-such-command"));

    private Training() {}

    public static void main(String[] args) {
        for (List<String> commandLine : COMMAND_LINES) {
            PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
            Console console =
                    new Console(InputStream.nullInputStream(), nowhere, nowhere, Map.of(), false);
            int _ = CommandTree.run(console, commandLine.toArray(String[]::new));
        }
        System.exit(0);
    }
}
