package io.ashlar.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Blocks a caller's thread until a future is done. */
final class Waiting {
    private Waiting() {}

    static <T> T on(CompletableFuture<T> future) throws AshlarException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw AshlarException.in(e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
