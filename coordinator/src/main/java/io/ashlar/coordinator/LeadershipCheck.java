package io.ashlar.coordinator;

import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.LeadershipConfirm;

import org.jspecify.annotations.Nullable;

import java.util.concurrent.CompletableFuture;

/**
 * Whether this replica still leads. What it knows of that may be old: it was paused, or is cut off
 * from the others. Only what the log takes is proof: all who ask within the length of a tick share
 * one entry that changes nothing. A replica that is alone leads whatever happens.
 */
final class LeadershipCheck {
    private final LeaderContext leader;
    private @Nullable CompletableFuture<Void> asked;

    LeadershipCheck(LeaderContext leader) {
        this.leader = leader;
    }

    /** Done, on the loop, where it led after the call; fails where that is not known. */
    CompletableFuture<Void> confirm() {
        if (leader.config().peers().size() == 1) {
            return CompletableFuture.completedFuture(null);
        }
        if (asked == null) {
            asked = new CompletableFuture<>();
            leader.loop().schedule(leader.config().timings().tick().toNanos(), this::ask);
        }
        return asked;
    }

    private void ask() {
        CompletableFuture<Void> answer = asked;
        asked = null;
        if (answer != null) {
            leader.propose(Command.newBuilder()
                            .setLeadershipConfirm(LeadershipConfirm.getDefaultInstance()))
                    .thenAccept(_ -> answer.complete(null))
                    .exceptionally(failure -> {
                        answer.completeExceptionally(failure);
                        return null;
                    });
        }
    }
}
