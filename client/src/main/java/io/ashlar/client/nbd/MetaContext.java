package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdFormat.STATE_HOLE;
import static io.ashlar.client.nbd.NbdFormat.STATE_ZERO;

import io.ashlar.client.HealthExtent;
import io.ashlar.client.VolumeExtent;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What a client can ask of extents. The id stands for the context within a connection. */
enum MetaContext {
    /** Whether anything is stored, as the specification of NBD has it. */
    ALLOCATION(1, "base:allocation") {
        @Override
        CompletableFuture<List<Status>> ask(NbdExport export, long offset, long lengthBytes) {
            return export.extents(offset, lengthBytes, BlockStatus.MAX_EXTENTS)
                    .thenApply(extents -> extents.stream()
                            .map(extent -> new Status(extent.lengthBytes(), flags(extent)))
                            .toList());
        }
    },

    /** How safe it is: a bit for each {@link HealthExtent.Health} but WHOLE. */
    HEALTH(2, "ashlar:health") {
        @Override
        CompletableFuture<List<Status>> ask(NbdExport export, long offset, long lengthBytes) {
            return export.health(offset, lengthBytes, BlockStatus.MAX_EXTENTS)
                    .thenApply(extents -> extents.stream()
                            .map(extent -> new Status(extent.lengthBytes(), flags(extent)))
                            .toList());
        }
    };

    static final int DEGRADED = 1;
    static final int UNAVAILABLE = 1 << 1;
    static final int LOST = 1 << 2;
    static final int UNKNOWN = 1 << 3;

    private final int id;
    private final String contextName;

    MetaContext(int id, String contextName) {
        this.id = id;
        this.contextName = contextName;
    }

    /** What is told of so many bytes behind those before. */
    record Status(long lengthBytes, int flags) {}

    /** What there is to tell of a range, from its beginning on. */
    abstract CompletableFuture<List<Status>> ask(NbdExport export, long offset, long lengthBytes);

    int id() {
        return id;
    }

    String contextName() {
        return contextName;
    }

    /** Of all contexts of a namespace, "base:". */
    boolean isIn(String namespace) {
        return namespace.endsWith(":") && contextName.startsWith(namespace);
    }

    private static int flags(VolumeExtent extent) {
        return switch (extent.content()) {
            case ZERO -> STATE_HOLE | STATE_ZERO;
            case STORED, LOST -> 0;
        };
    }

    private static int flags(HealthExtent extent) {
        return switch (extent.health()) {
            case WHOLE -> 0;
            case DEGRADED -> DEGRADED;
            case UNAVAILABLE -> UNAVAILABLE;
            case LOST -> LOST;
            case UNKNOWN -> UNKNOWN;
        };
    }
}
