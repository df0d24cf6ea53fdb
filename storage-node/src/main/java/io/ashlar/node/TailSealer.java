package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.log.VolumeOpening;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.stripe.DamageReports;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletionException;

/**
 * Takes over volumes whose writers are gone and seals what those left open, one volume at a time, as
 * a client of the cluster like any other: it asks the shards' nodes, this one among them, and waits
 * for none of them on the loop. Lives on the cluster's loop.
 */
final class TailSealer {
    private static final Logger log = LoggerFactory.getLogger(TailSealer.class);

    private final Cluster cluster;
    private final String holder;
    private final Queue<Task> waiting = new ArrayDeque<>();
    private boolean running;

    /**
     * @param cluster as this node reaches it
     * @param node its name, told to whoever wants to open a volume meanwhile
     */
    TailSealer(Cluster cluster, String node) {
        this.cluster = cluster;
        this.holder = "the worker of node " + node;
    }

    /** A volume, and who waits for it to be sealed. */
    private record Task(AbandonedVolume volume, Completion<OrderResult> completion) {}

    /** Its turn comes when those ordered before are done, however long that takes. */
    void seal(AbandonedVolume volume, Completion<OrderResult> completion) {
        waiting.add(new Task(volume, completion));
        startNext();
    }

    private void startNext() {
        if (running || waiting.isEmpty()) {
            return;
        }
        running = true;
        Task task = waiting.remove();
        var _ = VolumeOpening.sealTail(cluster, task.volume, holder, new DamageReports(cluster))
                .whenComplete((_, failure) -> {
                    running = false;
                    if (failure == null) {
                        task.completion.done(OrderResult.getDefaultInstance());
                    } else {
                        task.completion.failed(operating(task, failure));
                    }
                    startNext();
                });
    }

    /** A bug must not leave the order standing for ever: it is logged, and told as what it is. */
    private static AshlarException operating(Task task, Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof AshlarException operating) {
            return operating;
        }
        log.error("event=takeover_broke volume={}", task.volume.getName(), cause);
        return new AshlarException.Unavailable("the takeover ended with a bug (" + cause
                + "): the log of the node that tried it tells more");
    }
}
