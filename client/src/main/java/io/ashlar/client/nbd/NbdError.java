package io.ashlar.client.nbd;

import io.ashlar.client.AshlarException;

/** What a reply can say of a failure. The numbers are those of the specification. */
enum NbdError {
    PERM(1),
    IO(5),
    INVAL(22),
    NOSPC(28),
    OVERFLOW(75),
    NOTSUP(95),
    SHUTDOWN(108);

    private final int number;

    NbdError(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    /** What a client is told of an operating error; the log tells the rest. */
    static NbdError of(AshlarException failure) {
        return switch (failure) {
            case AshlarException.Unavailable ignored -> IO;
            case AshlarException.Fenced ignored -> SHUTDOWN;
            case AshlarException.Corrupt ignored -> IO;
            case AshlarException.InsufficientShards ignored -> IO;
            case AshlarException.NoSpace ignored -> NOSPC;
            case AshlarException.Incompatible ignored -> IO;
            case AshlarException.NotFound ignored -> IO;
            case AshlarException.Invalid ignored -> INVAL;
        };
    }
}
