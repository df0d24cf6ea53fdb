package io.ashlar.coordinator;

import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.SealTail;
import io.ashlar.coordinator.plan.NodeHealth.State;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.VolumeBlock;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Volumes whose last writer is gone and has left segments OPEN: nothing of those can be repaired
 * before they are sealed, so some node is ordered to take the volume over and seal them (DESIGN
 * section 7).
 *
 * <p>A volume is abandoned when it has had segments that are not sealed, and nobody whose lease
 * runs, for a lease's length in a row: so whoever mounts it again goes first. A volume has one such
 * order at a time, and so has a node; after a failure it rests, twice as long as before up to a
 * bound, and another node has its turn.
 *
 * <p>An order never costs a writer its volume that has renewed its lease, or has opened the volume
 * anew, since it was given. It names the epoch that was seen, and the worker's opening is refused
 * unless that is still the volume's and no lease runs ({@link VolumeRequests#open}):
 *
 * <ul>
 *   <li>Who opens the volume raises the epoch, and the command is conditional on it where it is
 *       applied.
 *   <li>A renewal is heard by the loop that looks at leases, and not between that look and the
 *       command's outcome: it came before, and the worker is refused, or it waits and is fenced.
 *   <li>Another leader may have answered a renewal in between only if it was elected in between:
 *       the command is void in every term but that of the leader that looked.
 *   <li>A leader that was deposed and does not know answers no renewal that came later than that,
 *       as it asks the other replicas first. Its successor counts every lease as renewed when it
 *       begins, and two lease lengths pass before its first order.
 * </ul>
 *
 * <p>What is remembered here of orders dies with the leadership. The next leader finds the volume
 * in the metadata, and that its takeover was blocked too.
 */
final class Takeovers {
    private static final Logger LOG = LoggerFactory.getLogger(Takeovers.class);

    /** Failures in a row after which they are reported, though nothing says that it is blocked. */
    private static final int MAX_FAILURES = 3;

    private static final long FOREVER = Long.MAX_VALUE;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final VolumeRequests volumes;
    private final Map<VolumeId, Tail> tails = new TreeMap<>();

    Takeovers(LeaderContext leader, LiveNodes nodes, VolumeRequests volumes) {
        this.leader = leader;
        this.nodes = nodes;
        this.volumes = volumes;
    }

    /** A volume with segments that are not sealed, whether its writer lives or not. */
    private static final class Tail {
        /** Of the volume when it was last looked at. */
        private long epoch;

        /** Since when, in this epoch, no lease runs; {@link #FOREVER} while one does. */
        private long abandonedNanos = FOREVER;

        private long restsUntilNanos;
        private int attempts;
        private int failures;
        private String reason = "";
        private @Nullable Given given;

        private Tail(long nowNanos) {
            restsUntilNanos = nowNanos;
        }

        private boolean isAbandoned(long nowNanos, long graceNanos) {
            return abandonedNanos != FOREVER && nowNanos - abandonedNanos >= graceNanos;
        }

        private void look(long epochNow, boolean held, long nowNanos) {
            if (held) {
                abandonedNanos = FOREVER;
                failures = 0;
            } else if (abandonedNanos == FOREVER || epoch != epochNow) {
                abandonedNanos = nowNanos;
            }
            epoch = epochNow;
        }
    }

    /** An order that is carried out, or about to be. */
    record Given(AbandonedVolume volume, String node, long attempt, long sinceNanos) {
        VolumeId id() {
            return VolumeId.of(volume.getId());
        }
    }

    /** Looks at every volume that has segments to be sealed, and gives what orders can be given. */
    void tick() {
        if (!nodes.isSettled()) {
            return;
        }
        Set<VolumeId> unsealed = leader.metadata().unsealedVolumes();
        tails.keySet().retainAll(unsealed);
        for (VolumeId id : unsealed) {
            VolumeRecord volume = leader.metadata().volume(id);
            if (volume == null || volume.getDeleted()) {
                tails.remove(id);
            } else {
                look(volume, tails.computeIfAbsent(id, first -> new Tail(leader.nowNanos())));
            }
        }
    }

    private void look(VolumeRecord volume, Tail tail) {
        long now = leader.nowNanos();
        Given given = tail.given;
        if (given != null) {
            lookAfter(volume, tail, given, now);
            return;
        }
        tail.look(volume.getEpoch(), volumes.isHeld(volume), now);
        long graceNanos = leader.config().timings().lease().toNanos();
        if (tail.isAbandoned(now, graceNanos) && tail.restsUntilNanos - now <= 0) {
            give(volume, tail, now);
        }
    }

    /** The worker's own opening raises the epoch once; whoever raises it further has the volume. */
    private void lookAfter(VolumeRecord volume, Tail tail, Given given, long now) {
        LiveNode node = nodes.get(given.node());
        if (volume.getEpoch() > given.volume().getEpoch() + 1) {
            tail.given = null;
        } else if (node == null || node.health().isDown()) {
            failed(tail, given, "the node went away");
        } else if (now - given.sinceNanos()
                >= leader.config().repair().timeout().toNanos()) {
            failed(tail, given, "not done in time");
        }
    }

    private void give(VolumeRecord volume, Tail tail, long now) {
        VolumeId id = VolumeId.of(volume.getId());
        List<String> idle = new ArrayList<>();
        for (LiveNode node : nodes.all()) {
            if (node.health().state() == State.UP && node.isInventoried()) {
                idle.add(node.id());
            }
        }
        Collections.rotate(idle, -(id.hashCode() + tail.attempts));
        idle.removeIf(node -> givenTo(node).isPresent());
        if (idle.isEmpty()) {
            return;
        }
        Given given = new Given(
                AbandonedVolume.newBuilder()
                        .setId(volume.getId())
                        .setName(volume.getName())
                        .setEpoch(volume.getEpoch())
                        .build(),
                idle.getFirst(),
                tail.attempts++,
                now);
        tail.given = given;
        LOG.info(
                "event=takeover_ordered volume={} epoch={} node={} holder=\"{}\"",
                volume.getName(),
                volume.getEpoch(),
                given.node(),
                volume.getHolder());
    }

    /** The order that a node has to carry out. */
    Optional<Given> givenTo(String node) {
        return tails.values().stream()
                .map(tail -> tail.given)
                .filter(Objects::nonNull)
                .filter(given -> given.node().equals(node))
                .findFirst();
    }

    static SealTail order(Given given) {
        return SealTail.newBuilder().setVolume(given.volume()).build();
    }

    /** Says nothing where the result is of an order that does not stand any more. */
    void ended(Given given, OrderResult result) {
        Tail tail = tails.get(given.id());
        if (tail == null || !given.equals(tail.given)) {
            return;
        }
        ErrorCode code = result.getFailure().getCode();
        if (!result.hasFailure()) {
            tail.given = null;
            tail.failures = 0;
        } else if (code == ErrorCode.FENCED || code == ErrorCode.NOT_FOUND) {
            LOG.info(
                    "event=takeover_void volume={} node={} reason=\"{}\"",
                    given.volume().getName(),
                    given.node(),
                    result.getFailure().getMessage());
            tail.given = null;
        } else {
            failed(tail, given, result.getFailure().getMessage());
            if (result.getFailure().getBlocked()) {
                recordBlocked(given, result.getFailure().getMessage());
            }
        }
    }

    private void failed(Tail tail, Given given, String reason) {
        CoordinatorConfig.RepairLimits limits = leader.config().repair();
        long restNanos = Math.min(
                limits.backoff().toNanos() << Math.min(tail.failures, 20),
                limits.maxBackoff().toNanos());
        tail.given = null;
        tail.failures++;
        tail.reason = "node " + given.node() + ": " + reason;
        tail.restsUntilNanos = leader.nowNanos() + restNanos;
        LOG.warn(
                "event=takeover_failed volume={} epoch={} node={} reason=\"{}\"",
                given.volume().getName(),
                given.volume().getEpoch(),
                given.node(),
                reason);
    }

    /** Where somebody has opened the volume since, that takeover says what there is to say. */
    private void recordBlocked(Given given, String reason) {
        Background.run(leader.propose(Command.newBuilder()
                .setVolumeBlock(VolumeBlock.newBuilder()
                        .setVolume(given.volume().getId())
                        .setEpoch(given.volume().getEpoch() + 1)
                        .setReason(reason))));
    }

    /** A node or a drive came: what was blocked may be decided now. */
    void nodeReturned() {
        tails.values().forEach(tail -> tail.restsUntilNanos = leader.nowNanos());
    }

    /** This process did not run for a while: whoever renewed meanwhile could not be heard. */
    void excuse(long nanos) {
        tails.values().stream()
                .filter(tail -> tail.abandonedNanos != FOREVER)
                .forEach(tail -> tail.abandonedNanos += nanos);
    }

    /** Why volumes that nobody holds cannot be taken over, by name. */
    Map<String, String> stuck() {
        Map<String, String> stuck = new TreeMap<>();
        for (VolumeRecord volume : leader.metadata().volumes()) {
            Tail tail = tails.get(VolumeId.of(volume.getId()));
            if (!volume.getBlocked().isEmpty()) {
                stuck.put(volume.getName(), volume.getBlocked());
            } else if (tail != null && tail.failures >= MAX_FAILURES) {
                stuck.put(
                        volume.getName(),
                        tail.reason + " (tried " + tail.failures + " times in a row)");
            }
        }
        return stuck;
    }
}
