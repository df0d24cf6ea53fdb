package io.ashlar.coordinator.metadata;

/** An entry of the log holds a command that this version does not know. */
@SuppressWarnings("serial") // never serialised
public final class UnknownCommandException extends IllegalStateException {
    UnknownCommandException() {
        super("a log entry holds a command that this version does not know");
    }
}
