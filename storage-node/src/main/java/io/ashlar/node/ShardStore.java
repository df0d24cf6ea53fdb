package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardFenced;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * The shards of one arena and everything that changes them. All of it happens on the drive's
 * thread, so that a fence and an append are never under way at once, and is answered by the group
 * commit that made it durable. Shards may be looked up, and read, from any thread.
 *
 * <p>A write or a sync that fails makes the drive failed for good: after a failed fdatasync nobody
 * knows what the page cache still holds. Only running out of room is survived, as it leaves what
 * was written before in its place.
 */
final class ShardStore {
    private static final Logger log = LoggerFactory.getLogger(ShardStore.class);

    private final String path;
    private final DriveFile arena;
    private final Catalogue catalogue;
    private final Listener listener;
    private final GroupCommit commit;
    private final ShardCreator creator;
    private final RecordAppender appender;
    private final Map<ShardKey, Shard> shards = new ConcurrentHashMap<>();
    private volatile @Nullable AshlarException failure;
    private volatile int takenSlots;

    private ShardStore(
            String path,
            DriveFile arena,
            Catalogue catalogue,
            Executor driveThread,
            Executor readers,
            Listener listener) {
        this.path = path;
        this.arena = arena;
        this.catalogue = catalogue;
        this.listener = listener;
        this.commit = new GroupCommit(driveThread, this::sync);
        this.creator = new ShardCreator(this);
        this.appender = new RecordAppender(this, driveThread, readers);
    }

    /** Hears, on the drive's thread, what becomes of a store. */
    interface Listener {
        void failed(String reason);

        /** Bytes of this shard were found to be gone. */
        void lost(ShardKey shard, ShardDamage.Kind kind, int cells, String detail);
    }

    /**
     * Takes up an arena: marks what was open in it when its node stopped uncleanly, and that it is
     * being served. Runs before anything else does on the drive's thread.
     */
    static ShardStore open(
            String path,
            DriveFile arena,
            Catalogue catalogue,
            Executor driveThread,
            Executor readers,
            Listener listener)
            throws IOException {
        var store = new ShardStore(path, arena, catalogue, driveThread, readers, listener);
        boolean unclean = catalogue.state().serving();
        for (ShardEntry found : catalogue.entries()) {
            ShardEntry entry = found;
            if (unclean && !found.sealed() && !found.uncleanStop()) {
                entry = found.afterUncleanStop();
                catalogue.put(entry);
            }
            store.install(entry, true);
        }
        arena.sync();
        catalogue.synced();
        catalogue.putState(catalogue.state().whileServing(true));
        arena.sync();
        catalogue.synced();
        store.extend();
        store.takenSlots = catalogue.takenSlots();
        log.info(
                "drive={} state=serving shards={} stoppedCleanly={}",
                path,
                store.shards.size(),
                !unclean);
        return store;
    }

    Shard install(ShardEntry entry, boolean restarted) {
        long base = catalogue.layout().slotAt(entry.run().firstSlot());
        var shard = new Shard(entry, base, restarted);
        shards.put(entry.key(), shard);
        return shard;
    }

    @Nullable
    Shard find(ShardKey key) {
        return shards.get(key);
    }

    Collection<Shard> shards() {
        return shards.values();
    }

    DriveFile arena() {
        return arena;
    }

    ArenaLayout layout() {
        return catalogue.layout();
    }

    long usedBytes() {
        return takenSlots * catalogue.layout().slotBytes();
    }

    @Nullable
    AshlarException failure() {
        return failure;
    }

    Catalogue catalogue() {
        return catalogue;
    }

    GroupCommit commit() {
        return commit;
    }

    String path() {
        return path;
    }

    /** The space that is taken has changed. */
    void slotsChanged() {
        takenSlots = catalogue.takenSlots();
    }

    /** See {@link ShardCreator#create}. */
    void create(ShardEntry wanted, boolean byRepair, Completion<Done> completion) {
        creator.create(wanted, byRepair, completion);
    }

    /** See {@link RecordAppender#append}. */
    void append(RecordAppender.Append append, Completion<Done> completion) {
        appender.append(append, completion);
    }

    /** See {@link RecordAppender#whenScanned}. */
    void whenScanned(Shard shard, RecordAppender.Scanned task) {
        appender.whenScanned(shard, task);
    }

    // ---- fences, seals, deletions

    /**
     * Raises a shard's fence, durably, and makes durable what is visible in it; answers after the
     * shard was scanned. Where there is no such shard the fence is remembered all the same.
     */
    void fence(ShardKey key, long epoch, Completion<ShardFenced> completion) {
        if (failure != null) {
            completion.failed(failure);
            return;
        }
        Shard shard = shards.get(key);
        try {
            if (shard == null) {
                fenceAbsent(key, epoch, completion);
                return;
            }
            ShardEntry entry = shard.entry();
            if (epoch < entry.fenceEpoch()) {
                completion.failed(belowFence(entry, epoch));
                return;
            }
            if (epoch > entry.fenceEpoch()) {
                change(shard, entry.withFence(epoch));
                log.info("drive={} shard={} fenceEpoch={}", path, key, epoch);
            }
        } catch (IOException e) {
            completion.failed(failedWrite(e));
            return;
        }
        commit.join(syncFailure -> {
            if (syncFailure != null) {
                completion.failed(syncFailure);
                return;
            }
            shard.fencedDurably(epoch);
            if (shard.entry().sealed()) {
                completion.done(fenced(shard));
            } else {
                whenScanned(shard, scanFailure -> {
                    if (scanFailure == null) {
                        completion.done(fenced(shard));
                    } else {
                        completion.failed(scanFailure);
                    }
                });
            }
        });
    }

    private static ShardFenced fenced(Shard shard) {
        ShardEntry entry = shard.entry();
        return ShardFenced.newBuilder()
                .setHighestEpoch(entry.fenceEpoch())
                .setSealed(entry.sealed())
                .setSealedBytes(entry.sealed() ? entry.seal().sealedBytes() : 0)
                .build();
    }

    private void fenceAbsent(ShardKey key, long epoch, Completion<ShardFenced> completion)
            throws IOException {
        if (epoch > catalogue.absentFence(key.segment())) {
            catalogue.raiseAbsentFence(key.segment(), epoch);
        }
        commit.join(syncFailure ->
                completion.failed(syncFailure != null ? syncFailure : notFound(key)));
    }

    static AshlarException belowFence(ShardEntry entry, long epoch) {
        return new AshlarException.Fenced(
                entry.key() + " is fenced at epoch " + entry.fenceEpoch() + ", above " + epoch);
    }

    /** Seals a shard, durably; a second seal must be the same. */
    void seal(ShardKey key, ShardEntry.Seal seal, Completion<Done> completion) {
        Shard shard = shards.get(key);
        AshlarException refusal = failure != null ? failure : refusal(key, shard, seal);
        if (refusal != null || shard == null) {
            completion.failed(refusal != null ? refusal : notFound(key));
            return;
        }
        try {
            if (!shard.entry().seal().equals(seal)) {
                change(shard, shard.entry().withSeal(seal));
                log.info(
                        "drive={} shard={} state=sealed bytes={} cells={}",
                        path,
                        key,
                        seal.sealedBytes(),
                        seal.cells());
            }
        } catch (IOException e) {
            completion.failed(failedWrite(e));
            return;
        }
        shard.dropIndex();
        commit.join(Done.getDefaultInstance(), completion);
    }

    /**
     * Seals a shard that a rebuild has seen to. Where that left cells out, which read as zeros if
     * they were never written here, zeros prove nothing in it any more: durably, before anybody is
     * told that the shard is there.
     */
    void rebuilt(
            ShardKey key, ShardEntry.Seal seal, int cellsLacking, Completion<Done> completion) {
        Shard shard = shards.get(key);
        if (shard != null && failure == null) {
            shard.damagedCells(cellsLacking);
            if (cellsLacking > 0 && !shard.entry().holesProveNothing()) {
                try {
                    change(shard, shard.entry().afterLoss());
                } catch (IOException e) {
                    completion.failed(failedWrite(e));
                    return;
                }
            }
        }
        seal(key, seal, completion);
    }

    private static @Nullable AshlarException refusal(
            ShardKey key, @Nullable Shard shard, ShardEntry.Seal seal) {
        if (shard == null) {
            return notFound(key);
        }
        ShardEntry entry = shard.entry();
        if (seal.sealedBytes() < 0 || seal.sealedBytes() > entry.shardBytes()) {
            return new AshlarException.Invalid(
                    key + " of " + entry.shardBytes() + " bytes cannot be sealed: " + seal);
        }
        if (entry.sealed() && entry.seal().sealedBytes() != seal.sealedBytes()) {
            return new AshlarException.Invalid(
                    key + " is sealed for good: " + entry.seal() + ", not " + seal);
        }
        return null;
    }

    /**
     * Removes a shard, durably; one that is not there is gone already. One that is being created
     * will not come to be, nor one whose creation is still on its way: whoever confirms a deletion
     * answers for it. The creation of a sealed shard was answered long ago.
     */
    void delete(ShardKey key, Completion<Done> completion) {
        if (failure != null) {
            completion.failed(failure);
            return;
        }
        Shard shard = shards.get(key);
        try {
            if (shard == null || !shard.entry().sealed()) {
                catalogue.refuseCreation(key.segment());
            }
            if (shard != null) {
                catalogue.remove(key);
            }
        } catch (IOException e) {
            completion.failed(failedWrite(e));
            return;
        }
        if (shard == null) {
            creator.cancel(key);
            commit.join(Done.getDefaultInstance(), completion);
            return;
        }
        shards.remove(key);
        shard.markDeleted();
        log.info("drive={} shard={} state=deleted", path, key);
        commit.join(syncFailure -> {
            if (syncFailure != null) {
                completion.failed(syncFailure);
                return;
            }
            catalogue.release(shard.entry().run());
            slotsChanged();
            completion.done(Done.getDefaultInstance());
        });
    }

    static AshlarException.NotFound notFound(ShardKey key) {
        return new AshlarException.NotFound("there is no " + key + " on this drive");
    }

    private void change(Shard shard, ShardEntry changed) throws IOException {
        catalogue.put(changed);
        shard.become(changed);
    }

    // ---- the drive as a whole

    /** The drive that was lost in this place, or NONE. */
    DriveId replaces() {
        return catalogue.state().replaces();
    }

    /** The highest authority whose orders were obeyed. */
    Authority authority() {
        return catalogue.state().authority();
    }

    /** Remembers whose orders are obeyed, durably. */
    void remember(Authority authority, Completion<Done> completion) {
        try {
            catalogue.putState(catalogue.state().under(authority));
        } catch (IOException e) {
            completion.failed(failedWrite(e));
            return;
        }
        commit.join(Done.getDefaultInstance(), completion);
    }

    /**
     * Makes an arena that was cut short as long as it was. What was in the part that is gone reads
     * as zero from now on, so in the shards there a zero proves nothing any more.
     */
    void extend() throws IOException {
        long sizeBytes = arena.sizeBytes();
        if (sizeBytes >= catalogue.layout().arenaBytes()) {
            return;
        }
        log.error(
                "drive={} arenaBytes={} expectedBytes={} the arena was cut short",
                path,
                sizeBytes,
                catalogue.layout().arenaBytes());
        List<ShardEntry> hit = new ArrayList<>();
        for (Shard shard : shards.values()) {
            if (shard.base() + shard.entry().shardBytes() > sizeBytes) {
                change(shard, shard.entry().afterLoss());
                hit.add(shard.entry());
            }
        }
        arena.sync();
        catalogue.synced();
        arena.resize(catalogue.layout().arenaBytes());
        for (ShardEntry entry : hit) {
            int cells = Math.max(1, entry.seal().cells());
            listener.lost(
                    entry.key(),
                    ShardDamage.Kind.MISSING_CELL,
                    cells,
                    "the arena was cut short at " + sizeBytes);
        }
    }

    /** Gives the whole arena up: it is not there any more. */
    void abandon(String reason) {
        failure = new AshlarException.NotFound("drive " + path + ": " + reason);
        for (Shard shard : List.copyOf(shards.values())) {
            shard.markDeleted();
            shards.remove(shard.key());
            int cells = Math.max(1, shard.entry().seal().cells());
            listener.lost(shard.key(), ShardDamage.Kind.MISSING_SHARD, cells, reason);
        }
    }

    /** Marks a clean stop, after which nothing may be asked of the store. */
    void stop() {
        if (failure != null) {
            return;
        }
        try {
            arena.sync();
            catalogue.synced();
            catalogue.putState(catalogue.state().whileServing(false));
            arena.sync();
            failure = new AshlarException.Unavailable("drive " + path + " is no longer served");
            log.info("drive={} state=stopped", path);
        } catch (IOException e) {
            failedWrite(e);
        }
    }

    private @Nullable AshlarException sync() {
        if (failure != null) {
            return failure;
        }
        try {
            arena.sync();
            catalogue.synced();
            return null;
        } catch (IOException e) {
            return failedWrite(e);
        }
    }

    /** What a write that failed means for the drive, and what its caller is told. */
    AshlarException failedWrite(IOException cause) {
        AshlarException told = GroupCommit.failure(path, cause);
        if (!(cause instanceof DriveFullException) && failure == null) {
            failure = told;
            log.error("drive={} state=failed", path, cause);
            listener.failed(String.valueOf(cause.getMessage()));
        }
        return told;
    }

    /** Serves nothing, as the drive has failed before. */
    void refuse(String reason) {
        failure = new AshlarException.Unavailable("drive " + path + " has failed: " + reason);
    }

    /** Makes the drive failed for a reason that is not its own. */
    void fail(Throwable bug) {
        failedWrite(new IOException("bug: " + bug, bug));
    }
}
