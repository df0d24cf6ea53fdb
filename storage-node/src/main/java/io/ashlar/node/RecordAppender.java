package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.transport.Buffer;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executor;

/**
 * Appends records to the shards of a {@link ShardStore}, and indexes those of shards that it did
 * not write itself. Belongs to the drive's thread; scans run on readers.
 */
final class RecordAppender {
    private static final int HEADER_CRC_AT = 20;

    private final ShardStore store;
    private final Executor driveThread;
    private final Executor readers;
    private final Map<ShardKey, List<Scanned>> scans = new HashMap<>();

    RecordAppender(ShardStore store, Executor driveThread, Executor readers) {
        this.store = store;
        this.driveThread = driveThread;
        this.readers = readers;
    }

    /** Runs once a shard's records are indexed, or could not be. */
    @FunctionalInterface
    interface Scanned {
        /** The failure is null where they are. */
        void scanned(@Nullable AshlarException failure);
    }

    /**
     * A record to be appended, checked against its shard by {@link AppendCheck}.
     *
     * @param replacing over a whole record of the same place, which repair found to be wrong
     */
    record Append(
            Shard shard,
            long offset,
            long epoch,
            boolean recovery,
            boolean replacing,
            CellFormat.Cell cell,
            Buffer record) {

        long endOffset() {
            return offset + record.sizeBytes();
        }

        Shard.Indexed indexed() {
            return new Shard.Indexed(
                    record.sizeBytes(), record.segment().get(Little.INT, HEADER_CRC_AT), true);
        }
    }

    /** Appends a record, whose stamp is set and which is released when it was written. */
    void append(Append append, Completion<Done> completion) {
        Shard shard = append.shard();
        AshlarException refusal = refusal(append);
        if (refusal == null && shard.index() == null) {
            whenScanned(shard, failure -> {
                if (failure == null) {
                    append(append, completion);
                } else {
                    append.record().release();
                    completion.failed(failure);
                }
            });
            return;
        }
        try {
            if (refusal == null && !isThere(append)) {
                refusal = write(append);
            }
        } finally {
            append.record().release();
        }
        if (refusal != null) {
            completion.failed(refusal);
            return;
        }
        store.commit().join(syncFailure -> {
            if (syncFailure != null) {
                completion.failed(syncFailure);
                return;
            }
            if (!append.recovery()) {
                shard.durableUpTo(append.endOffset());
            }
            completion.done(Done.getDefaultInstance());
        });
    }

    private @Nullable AshlarException refusal(Append append) {
        Shard shard = append.shard();
        ShardEntry entry = shard.entry();
        if (store.failure() != null) {
            return store.failure();
        }
        if (shard.deleted()) {
            return ShardStore.notFound(shard.key());
        }
        if (append.epoch() < entry.fenceEpoch()) {
            return new AshlarException.Fenced(shard.key() + " takes no appends of epoch "
                    + append.epoch() + ": its volume was taken over by epoch "
                    + entry.fenceEpoch());
        }
        if (!append.recovery() && entry.sealed()) {
            return new AshlarException.Fenced(
                    shard.key() + " is sealed: only recovery may append to it");
        }
        if (!append.recovery() && shard.restarted()) {
            return new AshlarException.Fenced("the node of " + shard.key()
                    + " has restarted: only recovery may append to it");
        }
        return null;
    }

    /** Whether the very same record is in its place, to be made durable at most. */
    private boolean isThere(Append append) {
        NavigableMap<Long, Shard.Indexed> index = indexOf(append.shard());
        return append.indexed().sameAs(index.get(append.offset()))
                && sameHeader(append)
                && (!append.recovery() || wholeRecordAt(append.shard(), append.offset()));
    }

    private boolean sameHeader(Append append) {
        int headerBytes = append.cell().stripe().geometry().headerBytes();
        MemorySegment present = MemorySegment.ofArray(new byte[headerBytes]);
        try {
            store.arena().read(append.shard().base() + append.offset(), present);
        } catch (IOException e) {
            return false;
        }
        MemorySegment wanted = append.record().segment();
        return MemorySegment.mismatch(
                        present, HEADER_CRC_AT, headerBytes, wanted, HEADER_CRC_AT, headerBytes)
                < 0;
    }

    private boolean wholeRecordAt(Shard shard, long offset) {
        try (var walk = new RecordWalk(store.arena(), shard, offset, true)) {
            RecordWalk.Found found = walk.next();
            return found != null && found.kind() == RecordWalk.Kind.RECORD;
        }
    }

    /** Writes a record, unless another one that is whole lies in its way. */
    private @Nullable AshlarException write(Append append) {
        Shard shard = append.shard();
        NavigableMap<Long, Shard.Indexed> index = indexOf(shard);
        Map.Entry<Long, Shard.Indexed> inTheWay =
                Shard.overlapping(index, append.offset(), append.endOffset());
        while (inTheWay != null) {
            long place = inTheWay.getKey();
            boolean outvoted =
                    append.replacing() && shard.entry().sealed() && place == append.offset();
            if (!append.recovery() || (!outvoted && wholeRecordAt(shard, place))) {
                return new AshlarException.Invalid(append.cell().stripe() + " cannot be written to "
                        + shard.key() + ": another record lies at " + place);
            }
            index.remove(place);
            inTheWay = Shard.overlapping(index, append.offset(), append.endOffset());
        }
        CellFormat.stamp(append.record().segment(), shard.durableBytes());
        try {
            store.arena().write(shard.base() + append.offset(), append.record().segment());
        } catch (IOException e) {
            return store.failedWrite(e);
        }
        index.put(append.offset(), append.indexed());
        return null;
    }

    private static NavigableMap<Long, Shard.Indexed> indexOf(Shard shard) {
        NavigableMap<Long, Shard.Indexed> index = shard.index();
        if (index == null) {
            throw new IllegalStateException(shard.key() + " has not been scanned");
        }
        return index;
    }

    /** Runs the task on the drive's thread once the shard's records are indexed, or cannot be. */
    void whenScanned(Shard shard, Scanned task) {
        if (shard.index() != null) {
            task.scanned(null);
            return;
        }
        List<Scanned> waiting = scans.get(shard.key());
        if (waiting != null) {
            waiting.add(task);
            return;
        }
        scans.put(shard.key(), new ArrayList<>(List.of(task)));
        readers.execute(() -> scan(shard));
    }

    private void scan(Shard shard) {
        NavigableMap<Long, Shard.Indexed> found = new ConcurrentSkipListMap<>();
        long highestStamp;
        try {
            highestStamp = scan(shard, found);
        } catch (RuntimeException | Error e) {
            AshlarException failure = DriveReads.noFaultOfTheDrive(store.path(), e);
            driveThread.execute(() -> tell(shard, failure));
            return;
        }
        driveThread.execute(() -> {
            shard.durableUpTo(highestStamp);
            shard.indexed(found);
            tell(shard, null);
        });
    }

    /** Finds all records; the highest stamp among them. */
    private long scan(Shard shard, NavigableMap<Long, Shard.Indexed> found) {
        long highestStamp = 0;
        try (var walk = new RecordWalk(store.arena(), shard, 0, false)) {
            for (RecordWalk.Found next = walk.next(); next != null; next = walk.next()) {
                if (next.cell() != null) {
                    int lengthBytes = next.cell().stripe().geometry().recordBytes();
                    int crc = walk.header().get(Little.INT, HEADER_CRC_AT);
                    found.put(next.offset(), new Shard.Indexed(lengthBytes, crc, false));
                    highestStamp = Math.max(highestStamp, next.cell().stampBytes());
                }
            }
        }
        return highestStamp;
    }

    private void tell(Shard shard, @Nullable AshlarException failure) {
        List<Scanned> waiting = scans.remove(shard.key());
        if (waiting != null) {
            GroupCommit.tellAll(waiting, one -> one.scanned(failure));
        }
    }
}
