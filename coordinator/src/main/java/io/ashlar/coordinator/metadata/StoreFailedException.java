package io.ashlar.coordinator.metadata;

/** A store cannot read or write any more: its drive is dead, or it has a bug. */
@SuppressWarnings("serial") // never serialised
public final class StoreFailedException extends IllegalStateException {
    public StoreFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
