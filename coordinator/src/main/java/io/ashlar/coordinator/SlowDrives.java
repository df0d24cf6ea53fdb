package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.EventText;
import io.ashlar.coordinator.record.EventsRecord;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Drives that answer slowly, or did not answer a writer in time, as writers tell with every renewal
 * while they find them so. New shards go there only where redundancy needs it. Kept in the leader's
 * memory until nobody has said so for a minute, or for a few seconds where the drive was silent: it
 * answers again or its node is soon known to be down. A new leader hears it with the next renewals.
 */
final class SlowDrives {
    private static final Logger LOG = LoggerFactory.getLogger(SlowDrives.class);
    private static final long FORGET_NANOS = 60_000_000_000L;
    private static final long FORGET_SILENCE_NANOS = 5_000_000_000L;
    private static final long MICROS_PER_MILLI = 1_000;

    /** Of a node's drives: where so many are slow, it is the node. */
    private static final int SLOW_DRIVES_OF_SLOW_NODE = 2;

    private final LeaderContext leader;
    private final Map<DriveId, Slow> drives = new TreeMap<>();

    SlowDrives(LeaderContext leader) {
        this.leader = leader;
    }

    private record Slow(long sinceMillis, long toldNanos, SlowDrive told) {
        Slow later(long nanos) {
            return new Slow(sinceMillis, toldNanos + nanos, told);
        }

        boolean isForgotten(long now) {
            return now - toldNanos > (told.getSilent() ? FORGET_SILENCE_NANOS : FORGET_NANOS);
        }

        @Override
        public String toString() {
            long millis = told.getAppendMicros() / MICROS_PER_MILLI;
            return told.getSilent()
                    ? "it did not answer within " + millis + " ms"
                    : "appends take " + millis + " ms, those beside them "
                            + told.getOthersMicros() / MICROS_PER_MILLI + " ms";
        }
    }

    /** A writer finds these slow now. */
    void found(Collection<SlowDrive> found) {
        for (SlowDrive told : found) {
            DriveId id = DriveId.of(told.getDrive());
            String node = leader.metadata().nodeOf(id);
            if (node == null) {
                continue;
            }
            Slow before = drives.get(id);
            Slow now = new Slow(
                    before == null ? leader.loop().wallMillis() : before.sinceMillis(),
                    leader.nowNanos(),
                    told);
            drives.put(id, now);
            if (before == null) {
                record(node, "drive " + id + " answers slowly: " + now);
            }
        }
    }

    /** Time has passed. */
    void tick() {
        drives.entrySet().removeIf(entry -> {
            boolean forgotten = entry.getValue().isForgotten(leader.nowNanos());
            String node = leader.metadata().nodeOf(entry.getKey());
            if (forgotten && node != null) {
                record(node, "nobody finds drive " + entry.getKey() + " slow any more");
            }
            return forgotten;
        });
    }

    private void record(String node, String text) {
        LOG.info("event=drive_pace node={} text=\"{}\"", node, text);
        Background.run(leader.propose(Command.newBuilder()
                .setEventsRecord(EventsRecord.getDefaultInstance())
                .addEvents(EventText.newBuilder().setSubject("node " + node).setText(text))));
    }

    /** This process did not run for a while: whoever renewed meanwhile could not be heard. */
    void excuse(long nanos) {
        drives.replaceAll((id, slow) -> slow.later(nanos));
    }

    /** Whether it did not answer a writer a moment ago. */
    boolean isSilent(DriveId drive) {
        Slow slow = drives.get(drive);
        return slow != null && slow.told().getSilent();
    }

    /**
     * Those of a node's drives that are not to be used where others can: all, where several are slow.
     *
     * @param also drives that somebody finds slow who has not said so before
     */
    Set<DriveId> avoidedOf(LiveNode node, Set<DriveId> also) {
        List<DriveId> all =
                node.drives().stream().map(drive -> DriveId.of(drive.getId())).toList();
        Set<DriveId> slow = all.stream()
                .filter(drive -> drives.containsKey(drive) || also.contains(drive))
                .collect(Collectors.toUnmodifiableSet());
        return slow.size() < SLOW_DRIVES_OF_SLOW_NODE ? slow : Set.copyOf(all);
    }

    /** What is to be said of a node, for each of its slow drives; nothing where it has none. */
    List<String> reasons(LiveNode node) {
        List<String> reasons = new ArrayList<>();
        for (DriveInfo drive : node.drives()) {
            Slow slow = drives.get(DriveId.of(drive.getId()));
            if (slow != null) {
                reasons.add((node.drives().size() == 1 ? "" : "drive " + drive.getPath() + " ")
                        + "answers slowly since "
                        + Instant.ofEpochMilli(slow.sinceMillis()).truncatedTo(ChronoUnit.SECONDS)
                        + ": " + slow);
            }
        }
        return reasons;
    }
}
