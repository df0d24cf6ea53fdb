package io.ashlar.coordinator;

/** This replica does not lead: whoever asked is sent to the leader, with the same request. */
@SuppressWarnings("serial") // never serialised
final class LostLeadershipException extends RuntimeException {
    LostLeadershipException(String message) {
        super(message);
    }

    /** The log did not take a command. */
    LostLeadershipException(Throwable cause) {
        super(cause.getMessage(), cause);
    }
}
