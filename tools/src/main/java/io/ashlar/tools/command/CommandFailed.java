package io.ashlar.tools.command;

/** A command cannot do what it was asked; the message is the one line that says why. */
@SuppressWarnings("serial") // never serialised
public final class CommandFailed extends Exception {
    public CommandFailed(String message) {
        super(message);
    }
}
