package io.ashlar.coordinator;

/** The log did not take a command: whoever asked is sent to the leader, with the same request. */
@SuppressWarnings("serial") // never serialised
final class LostLeadershipException extends RuntimeException {
    LostLeadershipException(Throwable cause) {
        super(cause.getMessage(), cause);
    }
}
