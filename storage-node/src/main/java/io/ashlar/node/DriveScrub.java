package io.ashlar.node;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ShardDamage;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashSet;
import java.util.NavigableMap;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.LongConsumer;

/**
 * The scrub of one drive, in slices, over its arena opened anew by name. A sealed shard must hold
 * its cells, all whole. In an open one every record that was written must be whole; what looks
 * otherwise is looked at twice, as it may just have been written. Slices run one after another.
 */
final class DriveScrub {
    static final long SLICE_BYTES = 1 << 20;

    private static final Logger log = LoggerFactory.getLogger(DriveScrub.class);

    private final DriveId drive;
    private final DriveFile arena;
    private final Executor readers;
    private final DamageLog damage;
    private final Queue<Shard> left;
    private @Nullable Pass pass;
    private int cellsChecked;
    private int damagedCells;
    private int unreadableShards;
    private long bytesRead;

    /** Takes over the arena's file. */
    DriveScrub(
            DriveId drive,
            DriveFile arena,
            Executor readers,
            DamageLog damage,
            Collection<Shard> shards) {
        this.drive = drive;
        this.arena = arena;
        this.readers = readers;
        this.damage = damage;
        this.left = new ArrayDeque<>(shards);
    }

    /** Reads on for about {@link #SLICE_BYTES}; tells how much it was, on a reader. */
    void slice(LongConsumer then) {
        readers.execute(() -> then.accept(slice()));
    }

    private long slice() {
        long before = bytesRead;
        while (!isDone() && bytesRead - before < SLICE_BYTES) {
            Shard shard = pass == null ? left.remove() : pass.shard;
            boolean more = false;
            try {
                pass = pass == null ? new Pass(shard) : pass;
                more = pass.advance();
            } catch (RuntimeException | Error e) {
                log.error("drive={} shard={} cannot be scrubbed", drive, shard.key(), e);
                unreadableShards++;
            }
            if (!more && pass != null) {
                pass.close();
                pass = null;
            }
        }
        if (isDone()) {
            abandon();
        }
        return bytesRead - before;
    }

    boolean isDone() {
        return left.isEmpty() && pass == null;
    }

    /** Ends the scrub where it is; no slice may be running. */
    void abandon() {
        if (pass != null) {
            pass.close();
        }
        try {
            arena.close();
        } catch (IOException e) {
            log.debug("an arena that was only read was not closed", e);
        }
    }

    void addTo(OrderResult.Builder result) {
        result.setCellsChecked(result.getCellsChecked() + cellsChecked)
                .setDamagedCells(result.getDamagedCells() + damagedCells)
                .setUnreadable(result.getUnreadable() + unreadableShards)
                .setBytesRead(result.getBytesRead() + bytesRead);
    }

    /** One shard. */
    private final class Pass implements AutoCloseable {
        private final Shard shard;
        private final ShardEntry entry;
        private final RecordWalk walk;
        private final Set<Long> valid = new HashSet<>();
        private long walkedBytes;
        private int damaged;
        private boolean unreadable;

        Pass(Shard shard) {
            this.shard = shard;
            this.entry = shard.entry();
            this.walk = new RecordWalk(arena, shard, 0, true);
        }

        /** Looks at the next place; false at the shard's end. */
        boolean advance() {
            RecordWalk.Found found = shard.deleted() ? null : walk.next();
            bytesRead += walk.bytesRead() - walkedBytes;
            walkedBytes = walk.bytesRead();
            if (found == null) {
                finish();
                return false;
            }
            switch (found.kind()) {
                case RECORD -> valid.add(found.offset());
                case DAMAGED -> suspect(found.offset(), "it fails its checksum");
                case GARBAGE -> suspect(found.offset(), "there is no readable record");
                case UNREADABLE -> {
                    unreadable = true;
                    suspect(found.offset(), "the drive cannot read it");
                }
                case ZERO -> {}
            }
            return true;
        }

        private void suspect(long offset, String detail) {
            boolean unscanned = shard.index() == null && !entry.uncleanStop();
            boolean certain =
                    entry.sealed() || unscanned || (shard.mustHold(offset) && !isWholeNow(offset));
            if (certain) {
                damaged++;
                damage.cell(drive, shard.key(), ShardDamage.Kind.CORRUPT_CELL, offset, detail);
            }
        }

        private boolean isWholeNow(long offset) {
            try (var again = new RecordWalk(arena, shard, offset, true)) {
                RecordWalk.Found found = again.next();
                return found != null && found.kind() == RecordWalk.Kind.RECORD;
            }
        }

        private void finish() {
            if (shard.deleted()) {
                return;
            }
            int missing =
                    entry.sealed() ? Math.max(0, entry.seal().cells() - valid.size()) : vanished();
            if (unreadable && valid.isEmpty()) {
                unreadableShards++;
            }
            if (missing > 0 && damaged == 0) {
                damage.cells(
                        drive,
                        shard.key(),
                        ShardDamage.Kind.MISSING_CELL,
                        missing,
                        "a scrub found " + valid.size() + " whole cells");
            }
            int bad = entry.sealed() ? missing : missing + damaged;
            shard.damagedCells(bad);
            cellsChecked += valid.size() + bad;
            damagedCells += bad;
        }

        /** Records of an open shard that are known and not there any more at all. */
        private int vanished() {
            NavigableMap<Long, Shard.Indexed> index = shard.index();
            if (index == null) {
                return 0;
            }
            int count = 0;
            for (long offset : index.keySet()) {
                boolean gone =
                        !valid.contains(offset) && shard.mustHold(offset) && !isWholeNow(offset);
                count += gone ? 1 : 0;
            }
            return Math.max(0, count - damaged);
        }

        @Override
        public void close() {
            walk.close();
        }
    }
}
