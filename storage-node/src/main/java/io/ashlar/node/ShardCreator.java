package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Done;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * Creates the shards of a {@link ShardStore}. The zeros that a new shard is written over with go
 * out in parts, each with the group commit of what else is going on, so that no append waits for
 * all of them. Belongs to the drive's thread.
 */
final class ShardCreator {
    private static final Logger log = LoggerFactory.getLogger(ShardCreator.class);

    /** How much of a new shard is written over with zeros between two commits. */
    private static final int ZEROING_BYTES = 1 << 20;

    /** Shards that are zeroed at once; others wait for them. */
    private static final int MAX_ZEROING = 2;

    private static final MemorySegment ZEROS =
            Arena.global().allocate(ZEROING_BYTES, CellFormat.ALIGN_BYTES).asReadOnly();

    private final ShardStore store;
    private final Map<ShardKey, Creation> creations = new HashMap<>();
    private final Queue<Creation> waiting = new ArrayDeque<>();
    private int zeroing;

    ShardCreator(ShardStore store) {
        this.store = store;
    }

    /** A shard that is being written over with zeros, or waits for that. */
    private static final class Creation {
        private final ShardEntry entry;
        private final boolean byRepair;
        private final List<Completion<Done>> waiting = new ArrayList<>();
        private boolean cancelled;

        Creation(ShardEntry entry, boolean byRepair) {
            this.entry = entry;
            this.byRepair = byRepair;
        }
    }

    /**
     * Creates a shard, durably. Its bytes are written over with zeros first: no earlier tenant's
     * records remain in it, and appends need no new blocks of the file system.
     *
     * @param wanted its entry, without slots
     * @param byRepair beside another incarnation, whatever the fence, out of the reserve
     */
    void create(ShardEntry wanted, boolean byRepair, Completion<Done> completion) {
        AshlarException refusal = refusal(wanted, byRepair);
        if (refusal != null) {
            completion.failed(refusal);
            return;
        }
        if (store.find(wanted.key()) != null) {
            store.commit().join(Done.getDefaultInstance(), completion);
            return;
        }
        Creation underWay = creations.get(wanted.key());
        if (underWay != null) {
            underWay.waiting.add(completion);
            return;
        }
        int keepFree = byRepair ? 0 : store.catalogue().layout().reserveSlots();
        ShardEntry.Run run = store.catalogue().reserve(wanted.shardBytes(), keepFree);
        if (run == null) {
            completion.failed(
                    new AshlarException.NoSpace("drive " + store.path() + " has no room for "
                            + wanted.key() + " of " + wanted.shardBytes()
                            + " bytes: free space or add drives"));
            return;
        }
        store.slotsChanged();
        var creation = new Creation(withRun(wanted, run), byRepair);
        creation.waiting.add(completion);
        creations.put(wanted.key(), creation);
        waiting.add(creation);
        startZeroing();
    }

    /**
     * Sees to it that this shard does not come to be, if it is being created: its slots are free at
     * once, as nothing is written to them any more, and who waits for it hears that it is not there.
     */
    void cancel(ShardKey key) {
        Creation creation = creations.get(key);
        if (creation == null) {
            return;
        }
        creation.cancelled = true;
        waiting.remove(creation);
        log.info("drive={} shard={} state=cancelled", store.path(), key);
        giveUp(creation, ShardStore.notFound(key));
    }

    private @Nullable AshlarException refusal(ShardEntry wanted, boolean byRepair) {
        if (store.failure() != null) {
            return store.failure();
        }
        ShardEntry known = known(wanted.key());
        if (known != null) {
            if (!sameShard(known, wanted)) {
                return new AshlarException.Invalid(
                        wanted.key() + " exists already, made otherwise: " + known);
            }
            return byRepair ? null : fenced(wanted);
        }
        if (byRepair) {
            return null;
        }
        for (Shard other : store.shards()) {
            if (other.key().segment().equals(wanted.key().segment())
                    && other.key().index() == wanted.key().index()) {
                return new AshlarException.Invalid(
                        wanted.key() + " cannot be created: " + other.key() + " exists");
            }
        }
        return fenced(wanted);
    }

    private @Nullable ShardEntry known(ShardKey key) {
        Shard present = store.find(key);
        if (present != null) {
            return present.entry();
        }
        Creation underWay = creations.get(key);
        return underWay == null ? null : underWay.entry;
    }

    private static boolean sameShard(ShardEntry known, ShardEntry wanted) {
        return known.volume().equals(wanted.volume())
                && known.epoch() == wanted.epoch()
                && known.sequence() == wanted.sequence()
                && known.policy().equals(wanted.policy())
                && known.shardBytes() == wanted.shardBytes();
    }

    private @Nullable AshlarException fenced(ShardEntry wanted) {
        long fence = Math.max(
                store.catalogue().absentFence(wanted.key().segment()),
                highestFence(wanted.volume()));
        if (fence == Catalogue.DELETED) {
            return new AshlarException.NotFound(wanted.key()
                    + " cannot be created: its segment was given up and its shard deleted");
        }
        return wanted.epoch() >= fence
                ? null
                : new AshlarException.Fenced(wanted.key() + " of epoch " + wanted.epoch()
                        + " cannot be created: its volume was taken over by epoch " + fence);
    }

    private long highestFence(VolumeId volume) {
        return store.shards().stream()
                .map(Shard::entry)
                .filter(entry -> entry.volume().equals(volume))
                .mapToLong(ShardEntry::fenceEpoch)
                .max()
                .orElse(0);
    }

    private static ShardEntry withRun(ShardEntry wanted, ShardEntry.Run run) {
        return new ShardEntry(
                wanted.key(),
                wanted.volume(),
                wanted.epoch(),
                wanted.sequence(),
                wanted.policy(),
                wanted.shardBytes(),
                run,
                wanted.fenceEpoch(),
                wanted.seal(),
                wanted.uncleanStop(),
                wanted.holesProveNothing());
    }

    private void startZeroing() {
        while (zeroing < MAX_ZEROING && !waiting.isEmpty()) {
            zeroing++;
            zero(waiting.remove(), 0);
        }
    }

    private void zero(Creation creation, long zeroedBytes) {
        long shardBytes = creation.entry.shardBytes(); // of large drives' slots often a small part
        long lengthBytes = Math.min(ZEROING_BYTES, shardBytes - zeroedBytes);
        long base = store.catalogue().layout().slotAt(creation.entry.run().firstSlot());
        try {
            store.arena().write(base + zeroedBytes, ZEROS.asSlice(0, lengthBytes));
        } catch (IOException e) {
            abandon(creation, store.failedWrite(e));
            return;
        }
        long next = zeroedBytes + lengthBytes;
        store.commit().join(syncFailure -> {
            if (creation.cancelled) {
                zeroingEnded();
            } else if (syncFailure != null) {
                abandon(creation, syncFailure);
            } else if (next < shardBytes) {
                zero(creation, next);
            } else {
                enter(creation);
            }
        });
    }

    private void enter(Creation creation) {
        ShardEntry entry = creation.entry;
        AshlarException refusal = creation.byRepair ? null : fenced(entry);
        if (refusal == null) {
            try {
                store.catalogue().put(entry);
            } catch (IOException e) {
                refusal = store.failedWrite(e);
            }
        }
        if (refusal != null) {
            abandon(creation, refusal);
            return;
        }
        creations.remove(entry.key());
        zeroingEnded();
        store.install(entry, false);
        log.info(
                "drive={} shard={} state=created bytes={} epoch={}",
                store.path(),
                entry.key(),
                entry.shardBytes(),
                entry.epoch());
        for (Completion<Done> waiting : creation.waiting) {
            store.commit().join(Done.getDefaultInstance(), waiting);
        }
    }

    private void abandon(Creation creation, AshlarException cause) {
        giveUp(creation, cause);
        zeroingEnded();
    }

    private void giveUp(Creation creation, AshlarException cause) {
        creations.remove(creation.entry.key());
        store.catalogue().release(creation.entry.run());
        store.slotsChanged();
        creation.waiting.forEach(waiting -> waiting.failed(cause));
    }

    private void zeroingEnded() {
        zeroing--;
        startZeroing();
    }
}
