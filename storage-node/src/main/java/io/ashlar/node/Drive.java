package io.ashlar.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.transport.Buffer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * A drive in service. Its methods may be called from any thread; they queue up what changes the
 * drive for its one thread and what only reads for its readers, and complete on those. Reads, and
 * the bytes of records, that wait are bounded: a drive that cannot keep up says so. Of fences,
 * creations and orders no more wait than their callers have under way.
 */
final class Drive implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Drive.class);

    private final DriveDirectory directory;
    private final DriveOpener opener;
    private final Threads threads;
    private final long maxQueuedAppendBytes;
    private final DamageLog damage;
    private final Runnable changed;
    private final AtomicLong queuedAppendBytes = new AtomicLong();
    private final DriveReads reads;
    private volatile Served served;
    private volatile String failure = "";

    private Drive(
            DriveDirectory directory,
            DriveOpener opener,
            Threads threads,
            long maxQueuedAppendBytes,
            DamageLog damage,
            Runnable changed)
            throws IOException, AshlarException {
        this.directory = directory;
        this.opener = opener;
        this.threads = threads;
        this.maxQueuedAppendBytes = maxQueuedAppendBytes;
        this.damage = damage;
        this.changed = changed;
        this.served = serve(opener.open());
        this.reads = new DriveReads(this, threads.readers());
    }

    /**
     * What runs a drive.
     *
     * @param writer runs tasks one after another, in order
     * @param readers runs tasks that only read, never behind those of the writer
     */
    record Threads(Executor writer, Executor readers) {}

    /** An arena in service; a drive that lost its arena gets another, and another id. */
    private record Served(IdentityFormat.Identity identity, ShardStore store, ShardReader reader) {}

    /**
     * What a node wants of a drive.
     *
     * @param maxQueuedAppendBytes of records that may wait for the drive's thread; a single record
     *     may always
     */
    record Settings(String node, long capacityBytes, long maxQueuedAppendBytes) {}

    /**
     * Opens a drive, formatting it where it is empty.
     *
     * @param changed called when the coordinator should hear of this drive at once
     */
    static Drive open(
            DriveDirectory directory,
            Settings settings,
            Threads threads,
            RandomGenerator random,
            DamageLog damage,
            Runnable changed)
            throws IOException, AshlarException {
        directory.lock();
        var opener = new DriveOpener(directory, settings.node(), settings.capacityBytes(), random);
        return new Drive(
                directory, opener, threads, settings.maxQueuedAppendBytes(), damage, changed);
    }

    private Served serve(DriveOpener.Opened opened) throws IOException, AshlarException {
        DriveId id = opened.identity().drive();
        Catalogue catalogue = Catalogue.open(opened.arena(), id, opened.layout(), directory.path());
        ShardStore store = ShardStore.open(
                directory.path(),
                opened.arena(),
                catalogue,
                threads.writer(),
                threads.readers(),
                listener(id));
        if (directory.list().contains(DriveOpener.FAILED)) {
            failure = "it failed earlier; replace it, or remove the file \"" + DriveOpener.FAILED
                    + "\" from its directory";
            store.refuse(failure);
        }
        return new Served(opened.identity(), store, new ShardReader(id, opened.arena(), damage));
    }

    private ShardStore.Listener listener(DriveId id) {
        return new ShardStore.Listener() {
            @Override
            public void failed(String reason) {
                failure = reason;
                markFailed(reason);
                changed.run();
            }

            @Override
            public void lost(ShardKey shard, ShardDamage.Kind kind, int cells, String detail) {
                damage.cells(id, shard, kind, cells, detail);
                changed.run();
            }
        };
    }

    /** Lets a restart know too; a drive that takes no writes at all is noticed again soon. */
    private void markFailed(String reason) {
        try (DriveFile file = directory.create(DriveOpener.FAILED)) {
            file.write(0, MemorySegment.ofArray((reason + "\n").getBytes(UTF_8)));
            file.sync();
        } catch (IOException e) {
            log.warn("drive={} cannot be marked as failed", directory.path(), e);
        }
    }

    DriveId id() {
        return served.identity().drive();
    }

    /** Whether this drive took the place of another one, which is lost for good. */
    boolean replaces(DriveId id) {
        return served.store().replaces().equals(id);
    }

    String path() {
        return directory.path();
    }

    /** Empty while the drive is healthy. */
    String failure() {
        return failure;
    }

    DriveInfo info() {
        Served now = served;
        ArenaLayout layout = now.store().layout();
        int usableSlots = layout.slotCount() - layout.reserveSlots();
        return DriveInfo.newBuilder()
                .setId(now.identity().drive().toProto())
                .setPath(directory.path())
                .setCapacityBytes(usableSlots * layout.slotBytes())
                .setUsedBytes(now.store().usedBytes())
                .setFailure(failure)
                .build();
    }

    List<ShardState> shardStates() {
        Served now = served;
        return now.store().shards().stream()
                .map(shard -> stateOf(now.identity().drive(), shard))
                .toList();
    }

    private static ShardState stateOf(DriveId drive, Shard shard) {
        ShardEntry entry = shard.entry();
        return ShardState.newBuilder()
                .setShard(DamageLog.refOf(drive, entry.key()))
                .setVolume(entry.volume().toProto())
                .setSequence(entry.sequence())
                .setPolicy(entry.policy().toString())
                .setEpoch(entry.epoch())
                .setFenceEpoch(entry.fenceEpoch())
                .setShardBytes(entry.shardBytes())
                .setSealed(entry.sealed())
                .setSealedBytes(entry.sealed() ? entry.seal().sealedBytes() : 0)
                .setCells(entry.seal().cells())
                .setDamagedCells(shard.damagedCells())
                .build();
    }

    // ---- what changes the drive

    /**
     * See {@link ShardStore#create}.
     *
     * @param drive on which it is to be: another one may take its place before its turn comes
     */
    void create(DriveId drive, ShardEntry wanted, boolean byRepair, Completion<Done> completion) {
        change(completion, store -> {
            if (id().equals(drive)) {
                store.create(wanted, byRepair, completion);
            } else {
                completion.failed(new AshlarException.NotFound(
                        "drive " + drive + " is lost: " + wanted.key() + " cannot be made on it"));
            }
        });
    }

    /** Appends a record; owns it. */
    void append(AppendCell request, Buffer record, Completion<Done> completion) {
        append(request, record, false, completion);
    }

    /**
     * Writes a record over a whole one of another generation, which others were found to outvote;
     * owns it.
     */
    void replace(AppendCell request, Buffer record, Completion<Done> completion) {
        append(request, record, true, completion);
    }

    private void append(
            AppendCell request, Buffer record, boolean replacing, Completion<Done> completion) {
        RecordAppender.Append append;
        try {
            append = AppendCheck.check(find(request.getShard()), request, record, replacing);
        } catch (AshlarException e) {
            record.release();
            completion.failed(e);
            return;
        }
        int sizeBytes = record.sizeBytes();
        long queuedBytes = queuedAppendBytes.addAndGet(sizeBytes);
        if (queuedBytes > maxQueuedAppendBytes && queuedBytes > sizeBytes) {
            queuedAppendBytes.addAndGet(-sizeBytes);
            record.release();
            completion.failed(overloaded());
            return;
        }
        change(completion, store -> {
            queuedAppendBytes.addAndGet(-sizeBytes);
            store.append(append, completion);
        });
    }

    /** See {@link ShardStore#fence}. */
    void fence(ShardRef shard, long epoch, Completion<ShardFenced> completion) {
        change(completion, store -> store.fence(ShardKey.of(shard), epoch, completion));
    }

    /** See {@link ShardStore#seal}. */
    void seal(ShardRef shard, ShardEntry.Seal seal, Completion<Done> completion) {
        change(completion, store -> store.seal(ShardKey.of(shard), seal, completion));
    }

    /**
     * A sealed shard has been made as complete as can be.
     *
     * @param cellsLacking that it must hold and does not
     */
    void rebuilt(
            ShardRef ref, ShardEntry.Seal seal, int cellsLacking, Completion<Done> completion) {
        change(
                completion,
                store -> store.rebuilt(ShardKey.of(ref), seal, cellsLacking, completion));
    }

    /** See {@link ShardStore#delete}. */
    void delete(ShardRef shard, Completion<Done> completion) {
        change(completion, store -> store.delete(ShardKey.of(shard), completion));
    }

    /**
     * The highest authority obeyed. Before anything else was asked of the drive, or on its thread.
     */
    Authority authority() {
        return served.store().authority();
    }

    /** See {@link ShardStore#remember}. */
    void remember(Authority authority, Completion<Done> completion) {
        change(completion, store -> store.remember(authority, completion));
    }

    /** Something to do with the store on the drive's thread. */
    interface Change {
        void make(ShardStore store);
    }

    void change(Completion<?> completion, Change change) {
        threads.writer().execute(() -> {
            ShardStore store = served.store();
            try {
                change.make(store);
            } catch (OutOfMemoryError e) {
                completion.failed(DriveReads.noFaultOfTheDrive(directory.path(), e));
            } catch (RuntimeException | Error e) {
                store.fail(e);
                completion.failed(new AshlarException.Unavailable(
                        "drive " + directory.path() + " has failed: " + e, e));
            }
        });
    }

    /** How its shards are read. */
    DriveReads reads() {
        return reads;
    }

    AshlarException overloaded() {
        return new AshlarException.Unavailable(
                "drive " + directory.path() + " is overloaded: try again later");
    }

    /** The shard that is named, on a healthy drive. */
    Shard find(ShardRef ref) throws AshlarException {
        ShardStore store = served.store();
        AshlarException refusal = store.failure();
        if (refusal != null) {
            throw refusal;
        }
        Shard shard = store.find(ShardKey.of(ref));
        if (shard == null) {
            throw ShardStore.notFound(ShardKey.of(ref));
        }
        return shard;
    }

    @Nullable
    Shard findAny(ShardRef ref) {
        return served.store().find(ShardKey.of(ref));
    }

    DriveFile arena() {
        return served.store().arena();
    }

    ShardReader reader() {
        return served.reader();
    }

    /** Where a shard's records begin in the arena, for tests that damage them. */
    long shardBase(ShardRef ref) {
        Shard shard = served.store().find(ShardKey.of(ref));
        if (shard == null) {
            throw new IllegalStateException("no " + ShardKey.of(ref));
        }
        return shard.base();
    }

    // ---- care

    /**
     * Looks whether the arena is still there, by its name and as long as it was; puts up with its
     * loss.
     */
    void checkArena(Completion<Done> completion) {
        change(completion, store -> {
            try {
                if (!failure.isEmpty()) {
                    completion.done(Done.getDefaultInstance());
                } else if (!store.arena().stillNamed()
                        || store.arena().sizeBytes() < store.layout().catalogueBytes()) {
                    replaceArena(store);
                    completion.done(Done.getDefaultInstance());
                } else {
                    store.extend();
                    completion.done(Done.getDefaultInstance());
                }
            } catch (AshlarException e) {
                completion.failed(e);
            } catch (IOException e) {
                completion.failed(store.failedWrite(e));
            }
        });
    }

    private void replaceArena(ShardStore lost) throws IOException, AshlarException {
        Authority authority = lost.authority();
        lost.abandon("its arena is gone");
        Served fresh = serve(opener.replaceLost(served.identity(), "its arena is gone"));
        served = fresh;
        fresh.store().remember(authority, Ignored.INSTANCE);
        lost.arena().close();
        changed.run();
    }

    /** Of whatever nobody waits for; a failure shows in the drive's state. */
    private enum Ignored implements Completion<Done> {
        INSTANCE;

        @Override
        public void done(Done value) {}

        @Override
        public void failed(AshlarException cause) {}
    }

    /** A scrub of the shards of these segments, or of all, over the arena opened anew by name. */
    void scrub(List<Id> segments, DamageLog damage, Completion<DriveScrub> completion) {
        checkArena(new Completion<>() {
            @Override
            public void done(Done value) {
                reads.onReader(completion, () -> openScrub(segments, damage, completion));
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
            }
        });
    }

    private void openScrub(List<Id> segments, DamageLog damage, Completion<DriveScrub> completion)
            throws AshlarException {
        Served now = served;
        AshlarException refusal = now.store().failure();
        if (refusal != null) {
            throw refusal;
        }
        Set<SegmentId> wanted = segments.stream().map(SegmentId::of).collect(Collectors.toSet());
        List<Shard> shards = now.store().shards().stream()
                .filter(shard -> wanted.isEmpty() || wanted.contains(shard.key().segment()))
                .toList();
        DriveFile arena;
        try {
            arena = directory.open(DriveOpener.ARENA);
        } catch (IOException e) {
            throw new AshlarException.Unavailable(
                    "the arena of drive " + directory.path() + " cannot be opened: "
                            + e.getMessage(),
                    e);
        }
        completion.done(
                new DriveScrub(now.identity().drive(), arena, threads.readers(), damage, shards));
    }

    /** Stops the drive cleanly, after everything that was asked of it before. */
    void stop() {
        threads.writer().execute(() -> served.store().stop());
    }

    /** Gives the directory free; nothing of the drive may run any more. */
    @Override
    public void close() {
        try {
            served.store().arena().close();
            directory.close();
        } catch (IOException e) {
            log.warn("drive={} was not closed cleanly", directory.path(), e);
        }
    }
}
