package io.ashlar.tools;

import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Console;

/** The {@code ashlar} command. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        StandardError.takeBack();
        Console console = Console.ofProcess();
        int exitCode;
        try {
            exitCode = CommandTree.run(console, args);
        } catch (Error e) {
            console.error("this is a bug or a broken machine: " + e);
            exitCode = CommandTree.FAILED;
        }
        System.exit(exitCode);
    }
}
