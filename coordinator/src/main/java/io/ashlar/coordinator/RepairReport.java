package io.ashlar.coordinator;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.plan.DamageSurvey;
import io.ashlar.coordinator.plan.DamageSurvey.AffectedSegment;
import io.ashlar.coordinator.plan.DamageSurvey.Remedy;
import io.ashlar.coordinator.plan.DamageSurvey.ShardNeed;
import io.ashlar.coordinator.plan.ShardSlot;
import io.ashlar.coordinator.record.RepairRecord;

import org.jspecify.annotations.Nullable;

import java.util.Map;

/** How far repair is, for people. Pure. */
final class RepairReport {
    private static final int MAX_REPORTED_FAILURES = 100;

    private RepairReport() {}

    /**
     * Makes the report.
     *
     * @param failed shards that are not queued, as they cannot be repaired now, and why
     */
    static RepairStatus of(
            RepairRecord record,
            DamageSurvey survey,
            Map<SegmentId, RunningRepair> running,
            Map<ShardSlot, String> failed,
            long bytesPerSecond) {
        long queued = 0;
        long queuedBytes = 0;
        for (AffectedSegment segment : survey.segments()) {
            if (segment.segment().getState() != SegmentState.SEALED) {
                continue;
            }
            RunningRepair begun = running.get(segment.id());
            long shards = segment.needs().values().stream()
                    .filter(need -> isQueued(need, begun, failed))
                    .count();
            queued += shards;
            queuedBytes += shards * segment.segment().getSealedBytes();
        }
        boolean busy = queued > 0 || !running.isEmpty();
        return RepairStatus.newBuilder()
                .setState(record.getPaused() ? "paused" : busy ? "running" : "idle")
                .setQueued(queued)
                .setRunning(running.size())
                .setRepairedShards(record.getRepairedShards())
                .setRepairedCells(record.getRepairedCells())
                .addAllFailed(failed.entrySet().stream()
                        .limit(MAX_REPORTED_FAILURES)
                        .map(one -> "segment " + one.getKey().segment() + ": " + one.getValue())
                        .toList())
                .setBytesPerSecond(bytesPerSecond)
                .setEtaSeconds(bytesPerSecond == 0 ? 0 : Math.ceilDiv(queuedBytes, bytesPerSecond))
                .build();
    }

    private static boolean isQueued(
            ShardNeed need, @Nullable RunningRepair begun, Map<ShardSlot, String> failed) {
        ShardSlot slot = ShardSlot.of(need.shard());
        boolean begins = begun != null && ShardSlot.of(begun.target()).equals(slot);
        return need.remedy() != Remedy.AWAIT && !begins && !failed.containsKey(slot);
    }
}
