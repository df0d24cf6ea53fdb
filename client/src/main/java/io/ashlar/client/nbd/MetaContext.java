package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdFormat.STATE_HOLE;
import static io.ashlar.client.nbd.NbdFormat.STATE_ZERO;

import io.ashlar.client.VolumeExtent;

/** What a client can ask of extents. The id stands for the context within a connection. */
enum MetaContext {
    ALLOCATION(1, "base:allocation");

    private final int id;
    private final String contextName;

    MetaContext(int id, String contextName) {
        this.id = id;
        this.contextName = contextName;
    }

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

    int flags(VolumeExtent extent) {
        return switch (extent.content()) {
            case ZERO -> STATE_HOLE | STATE_ZERO;
            case STORED, LOST -> 0;
        };
    }
}
