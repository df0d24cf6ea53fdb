package io.ashlar.client;

import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/**
 * An operating error: something that a correct program can meet. Each kind says what its caller can
 * do about it and maps one to one to a wire {@link ErrorCode}. Messages carry ids, what was expected
 * and what was found. Bugs are {@link IllegalStateException}s instead.
 */
@SuppressWarnings("serial") // crosses the wire as a Failure, never serialised
public abstract sealed class AshlarException extends IOException {
    private final ErrorCode code;
    private final String message;

    private AshlarException(ErrorCode code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
        this.message = message;
    }

    @Override
    public String getMessage() {
        return message;
    }

    public ErrorCode code() {
        return code;
    }

    /** The text as it goes into a reply. */
    public Failure toFailure() {
        return Failure.newBuilder().setCode(code).setMessage(message).build();
    }

    /** The exception that a reply's failure stands for. */
    public static AshlarException of(Failure failure) {
        String message = failure.getMessage();
        return switch (failure.getCode()) {
            case UNAVAILABLE -> new Unavailable(failure);
            case FENCED -> new Fenced(message);
            case CORRUPT -> new Corrupt(message);
            case INSUFFICIENT_SHARDS -> new InsufficientShards(message);
            case NO_SPACE -> new NoSpace(message);
            case INCOMPATIBLE -> new Incompatible(message);
            case NOT_FOUND -> new NotFound(message);
            case INVALID -> new Invalid(message);
            case ERROR_CODE_UNSPECIFIED, UNRECOGNIZED ->
                new Incompatible("a reply carries an error code that this version does not know: "
                        + message);
        };
    }

    /** The operating error that a future ended with; anything else was a bug and is thrown. */
    public static AshlarException in(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof AshlarException operating) {
            return operating;
        }
        throw new IllegalStateException("a future ended with a bug: " + cause, cause);
    }

    /** Somebody did not answer, or cannot now: try again. */
    public static final class Unavailable extends AshlarException {
        private final boolean answered;
        private final boolean notLeader;
        private final String leader;
        private final boolean blocked;

        public Unavailable(String message) {
            this(message, null);
        }

        public Unavailable(String message, @Nullable Throwable cause) {
            this(message, cause, false, false);
        }

        private Unavailable(
                String message, @Nullable Throwable cause, boolean answered, boolean blocked) {
            super(ErrorCode.UNAVAILABLE, message, cause);
            this.answered = answered;
            this.notLeader = false;
            this.leader = "";
            this.blocked = blocked;
        }

        private Unavailable(Failure failure) {
            super(ErrorCode.UNAVAILABLE, failure.getMessage(), null);
            this.answered = true;
            this.notLeader = failure.getNotLeader();
            this.leader = failure.getLeader();
            this.blocked = failure.getBlocked();
        }

        /** Of a takeover that cannot be decided before nodes come back, or an operator gives up. */
        public static Unavailable blocked(String message) {
            return new Unavailable(message, null, false, true);
        }

        /** Who was asked answers, and it does not help: only for so long is that tried again. */
        public static Unavailable inVain(String message) {
            return new Unavailable(message, null, true, false);
        }

        /** Whether somebody answered so; otherwise nobody answered. */
        public boolean isAnswered() {
            return answered;
        }

        /** Whether a coordinator that does not lead answered: ask another. */
        public boolean isNotLeader() {
            return notLeader;
        }

        /** "host:port" of the coordinator to ask instead, or empty. */
        public String leader() {
            return leader;
        }

        /** Whether a takeover was blocked: it may be repeated, but only nodes that return help. */
        public boolean isBlocked() {
            return blocked;
        }

        @Override
        public Failure toFailure() {
            return super.toFailure().toBuilder().setBlocked(blocked).build();
        }
    }

    /** Another writer has taken the volume over: open it again. */
    public static final class Fenced extends AshlarException {
        public Fenced(String message) {
            super(ErrorCode.FENCED, message, null);
        }
    }

    /** Bytes failed their checksum and could not be decoded otherwise: repair. */
    public static final class Corrupt extends AshlarException {
        public Corrupt(String message) {
            super(ErrorCode.CORRUPT, message, null);
        }
    }

    /** Too few shards of a stripe answer: bring nodes back. */
    public static final class InsufficientShards extends AshlarException {
        public InsufficientShards(String message) {
            super(ErrorCode.INSUFFICIENT_SHARDS, message, null);
        }
    }

    /** Drives are full up to their reserve: free space or add drives. */
    public static final class NoSpace extends AshlarException {
        public NoSpace(String message) {
            super(ErrorCode.NO_SPACE, message, null);
        }
    }

    /** A format or protocol version that this release does not speak. */
    public static final class Incompatible extends AshlarException {
        public Incompatible(String message) {
            super(ErrorCode.INCOMPATIBLE, message, null);
        }
    }

    /** What was named does not exist. */
    public static final class NotFound extends AshlarException {
        public NotFound(String message) {
            super(ErrorCode.NOT_FOUND, message, null);
        }
    }

    /** The request can never succeed as it was made. */
    public static final class Invalid extends AshlarException {
        public Invalid(String message) {
            super(ErrorCode.INVALID, message, null);
        }
    }
}
