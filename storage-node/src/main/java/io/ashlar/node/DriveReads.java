package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardVerified;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What only reads from a drive. May be asked from any thread; runs on, and completes on, the
 * drive's readers, whose queue is bounded. Only a fence that a recovery's read raises first waits
 * for the drive's own thread.
 */
final class DriveReads {
    private static final Logger log = LoggerFactory.getLogger(DriveReads.class);

    /** Reads that may wait for a reader. */
    private static final int MAX_QUEUED_READS = 16 * 1024;

    private final Drive drive;
    private final Executor readers;
    private final AtomicInteger queuedReads = new AtomicInteger();

    DriveReads(Drive drive, Executor readers) {
        this.drive = drive;
        this.readers = readers;
    }

    /** Reads a cell; an epoch raises the shard's fence first. */
    void read(ReadCell request, Completion<Reply> completion) {
        underFence(request.getShard(), request.getEpoch(), completion, shard -> {
            Reply reply = drive.reader().read(shard, request);
            completion.done(reply);
        });
    }

    /** Lists records; an epoch raises the shard's fence first, and an open shard is scanned. */
    void readHeaders(ReadHeaders request, Completion<Reply> completion) {
        underFence(
                request.getShard(),
                request.getEpoch(),
                completion,
                shard -> scanned(shard, completion, () -> {
                    DriveFile arena = drive.arena();
                    completion.done(HeaderReader.read(arena, shard, request));
                }));
    }

    /** Reads and checks every record below a length; remembers what was found. */
    void verify(ShardRef ref, long upTo, int cells, Completion<ShardVerified> completion) {
        underFence(ref, 0, completion, shard -> {
            ShardVerified verified = drive.reader().verify(shard, upTo, cells);
            shard.damagedCells(verified.getDamagedCells());
            completion.done(verified);
        });
    }

    /** The stripe of which the shard holds a whole record here, if any. Reports no damage. */
    void wholeAt(ShardRef ref, long offset, Completion<Optional<Stripe>> completion) {
        underFence(ref, 0, completion, shard -> {
            DriveFile arena = drive.arena();
            try (var walk = new RecordWalk(arena, shard, offset, true)) {
                RecordWalk.Found found = walk.next();
                if (shard.deleted()) {
                    throw ShardStore.notFound(shard.key());
                }
                CellFormat.Cell cell = found == null || found.kind() != RecordWalk.Kind.RECORD
                        ? null
                        : found.cell();
                completion.done(Optional.ofNullable(cell).map(CellFormat.Cell::stripe));
            }
        });
    }

    /** What a reader does with a shard. */
    private interface Reading {
        void read(Shard shard) throws AshlarException;
    }

    private void underFence(ShardRef ref, long epoch, Completion<?> completion, Reading reading) {
        Shard shard = drive.findAny(ref);
        if (epoch == 0 || (shard != null && shard.isFencedAt(epoch))) {
            read(ref, completion, reading);
            return;
        }
        drive.fence(ref, epoch, new Completion<>() {
            @Override
            public void done(ShardFenced fenced) {
                read(ref, completion, reading);
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
            }
        });
    }

    private void read(ShardRef ref, Completion<?> completion, Reading reading) {
        Shard shard;
        try {
            shard = drive.find(ref);
        } catch (AshlarException e) {
            completion.failed(e);
            return;
        }
        onReader(completion, () -> reading.read(shard));
    }

    /** Something that a reader does. */
    interface ReaderTask {
        void run() throws AshlarException;
    }

    void onReader(Completion<?> completion, ReaderTask task) {
        if (queuedReads.incrementAndGet() > MAX_QUEUED_READS) {
            queuedReads.decrementAndGet();
            completion.failed(drive.overloaded());
            return;
        }
        readers.execute(() -> {
            queuedReads.decrementAndGet();
            try {
                task.run();
            } catch (AshlarException e) {
                completion.failed(e);
            } catch (RuntimeException | Error e) {
                completion.failed(noFaultOfTheDrive(drive.path(), e));
            }
        });
    }

    /** What callers are told where a reader ended by a bug, or for want of memory. */
    static AshlarException noFaultOfTheDrive(String path, Throwable cause) {
        log.error("drive={} a read failed for no reason of the drive's", path, cause);
        return cause instanceof OutOfMemoryError
                ? new AshlarException.Unavailable(
                        "drive " + path + " is short of memory: try again later", cause)
                : new AshlarException.Unavailable("bug: " + cause, cause);
    }

    private void scanned(Shard shard, Completion<?> completion, ReaderTask task)
            throws AshlarException {
        if (shard.index() != null || shard.entry().sealed()) {
            task.run();
            return;
        }
        drive.change(
                completion,
                store -> store.whenScanned(shard, failure -> {
                    if (failure == null) {
                        onReader(completion, task);
                    } else {
                        completion.failed(failure);
                    }
                }));
    }
}
