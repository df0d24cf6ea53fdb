package io.ashlar.client.nbd;

/** What a client sent is not what the protocol asks for. */
final class MalformedException extends Exception {
    private static final long serialVersionUID = 1;

    private final String reason;

    MalformedException(String reason) {
        super(reason);
        this.reason = reason;
    }

    String reason() {
        return reason;
    }
}
