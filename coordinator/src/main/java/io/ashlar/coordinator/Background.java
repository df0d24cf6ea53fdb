package io.ashlar.coordinator;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.CompletableFuture;

/**
 * Work that nobody waits for. What fails because leadership was lost is the next leader's, which
 * finds the same work in the metadata.
 */
final class Background {
    private static final Logger LOG = LoggerFactory.getLogger(Background.class);

    private Background() {}

    static void run(CompletableFuture<?> work) {
        CompletableFuture<?> _ = work.whenComplete((_, failure) -> {
            if (failure != null) {
                LOG.warn(
                        "event=background_work_failed reason=\"{}\"",
                        failure.getMessage(),
                        failure);
            }
        });
    }
}
