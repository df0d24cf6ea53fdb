package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.RegisterNode;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Registrations that come in several pages, until they are whole. A node makes its inventory at one
 * moment and then sends it page by page, so a whole one is as consistent as one that came at once;
 * what was created meanwhile it does not name, as any inventory that was under way.
 */
final class InventoryPages {
    /** More nodes than this registering in pages at a time have to try again. */
    static final int MAX_UNDER_WAY = 64;

    /** A registration that does not go on for so long has ended. */
    static final long MAX_PAUSE_NANOS = 30_000_000_000L;

    private final Map<String, Gathered> gathered = new HashMap<>();

    private static final class Gathered {
        final RegisterNode.Builder whole;
        int pages = 1;
        long lastNanos;

        Gathered(RegisterNode first, long nowNanos) {
            this.whole = first.toBuilder();
            this.lastNanos = nowNanos;
        }

        /** A page may come again, when its answer was lost. */
        void add(RegisterNode page, long nowNanos) {
            if (page.getPage() == pages) {
                whole.addAllShards(page.getShardsList());
                pages++;
            }
            lastNanos = nowNanos;
        }

        boolean takes(RegisterNode page) {
            return page.getRequestId() == whole.getRequestId()
                    && (page.getPage() == pages || page.getPage() == pages - 1);
        }
    }

    /** The whole registration, with its last page. */
    Optional<RegisterNode> take(RegisterNode page, long nowNanos)
            throws AshlarException.Unavailable {
        gathered.values().removeIf(one -> nowNanos - one.lastNanos > MAX_PAUSE_NANOS);
        String node = page.getNode();
        if (page.getPage() == 0 && !page.getMore()) {
            gathered.remove(node);
            return Optional.of(page);
        }
        Gathered before = gathered.get(node);
        if (before != null && before.takes(page)) {
            before.add(page, nowNanos);
        } else if (page.getPage() == 0) {
            begin(page, nowNanos);
        } else {
            gathered.remove(node);
            throw new AshlarException.Unavailable("page " + page.getPage() + " of the registration "
                    + "of node " + node + " came without those before it: begin again");
        }
        if (page.getMore()) {
            return Optional.empty();
        }
        return Optional.ofNullable(gathered.remove(node)).map(one -> one.whole.build());
    }

    private void begin(RegisterNode first, long nowNanos) throws AshlarException.Unavailable {
        if (!gathered.containsKey(first.getNode()) && gathered.size() >= MAX_UNDER_WAY) {
            throw new AshlarException.Unavailable(
                    gathered.size() + " nodes are registering already: try again");
        }
        gathered.put(first.getNode(), new Gathered(first, nowNanos));
    }
}
