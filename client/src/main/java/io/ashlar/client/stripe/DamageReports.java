package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.protocol.ReportDamage;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Tells the coordinator which shards failed a read, gathered for a moment, once for each shard.
 * Nobody waits for it; a scrub finds again what a lost report told.
 */
public final class DamageReports {
    private static final long GATHER_NANOS = 100_000_000L;
    private static final long TIMEOUT_NANOS = 5_000_000_000L;
    private static final int MAX_GATHERED = 1024;

    private final Cluster cluster;
    private final Map<ShardRef, ShardDamage> gathered = new LinkedHashMap<>();
    private boolean scheduled;
    private long reported;

    public DamageReports(Cluster cluster) {
        this.cluster = cluster;
    }

    /** Cells found damaged or missing so far. */
    public long reported() {
        return reported;
    }

    void found(ShardRef shard, AshlarException cause) {
        ShardDamage.Kind kind = switch (cause) {
            case AshlarException.Corrupt ignored -> ShardDamage.Kind.CORRUPT_CELL;
            case AshlarException.NotFound ignored -> ShardDamage.Kind.MISSING_CELL;
            default -> ShardDamage.Kind.KIND_UNSPECIFIED;
        };
        if (kind == ShardDamage.Kind.KIND_UNSPECIFIED || gathered.size() >= MAX_GATHERED) {
            return;
        }
        reported++;
        gathered.putIfAbsent(
                shard,
                ShardDamage.newBuilder()
                        .setShard(shard)
                        .setKind(kind)
                        .setCells(1)
                        .setDetail(cause.getMessage())
                        .build());
        if (!scheduled) {
            scheduled = true;
            cluster.loop().schedule(GATHER_NANOS, this::send);
        }
    }

    private void send() {
        scheduled = false;
        ReportDamage report =
                ReportDamage.newBuilder().addAllDamage(gathered.values()).build();
        gathered.clear();
        var _ = cluster.coordinator()
                .call(Request.newBuilder().setReportDamage(report).build(), TIMEOUT_NANOS);
    }
}
