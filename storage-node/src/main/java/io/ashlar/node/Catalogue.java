package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.node.DriveStateFormat.DriveState;
import io.ashlar.node.FencesFormat.Fence;
import io.ashlar.node.FencesFormat.Fences;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a drive durably knows beside its records: its shards, the space they take, whether it was
 * stopped cleanly, whose orders it obeyed, and fences raised where there was no shard. Every change
 * is durable after the arena's next sync. Belongs to the drive's thread.
 */
final class Catalogue {
    private static final Logger log = LoggerFactory.getLogger(Catalogue.class);

    /** The fence of a segment whose shard was deleted here: above every epoch. */
    static final long DELETED = Long.MAX_VALUE;

    private final String path;
    private final ArenaLayout layout;
    private final PageStore pages;
    private final SlotMap slots;
    private final BitSet takenPages = new BitSet();
    private final Map<ShardKey, Integer> shardPages = new HashMap<>();
    private final Map<Integer, ShardEntry> entries = new LinkedHashMap<>();
    private final Map<SegmentId, Long> absentFences = new HashMap<>();
    private final Map<Integer, Fences> fencePages = new HashMap<>();
    private DriveState state = new DriveState(false, Authority.getDefaultInstance(), DriveId.NONE);

    private Catalogue(DriveFile arena, DriveId drive, ArenaLayout layout, String path) {
        this.path = path;
        this.layout = layout;
        this.pages = new PageStore(arena, drive, layout);
        this.slots = new SlotMap(layout.slotCount());
    }

    /**
     * Makes an empty file an arena without shards, durably.
     *
     * @param replaces the drive that was lost in this place, or NONE
     */
    static void format(DriveFile arena, DriveId drive, ArenaLayout layout, DriveId replaces)
            throws IOException {
        arena.resize(layout.arenaBytes());
        var catalogue = new Catalogue(arena, drive, layout, "");
        catalogue.pages.write(
                ArenaLayout.SUPERBLOCK_PAGE,
                PageFormat.Kind.SUPERBLOCK,
                page -> SuperblockFormat.write(layout, page));
        catalogue.putState(new DriveState(false, Authority.getDefaultInstance(), replaces));
        for (int i = 0; i < layout.fencePageCount(); i++) {
            catalogue.putFences(i, new Fences(0, List.of()));
        }
        arena.sync();
        catalogue.synced();
        arena.sync();
    }

    /** Reads an arena's catalogue. */
    static Catalogue open(DriveFile arena, DriveId drive, ArenaLayout layout, String path)
            throws IOException, AshlarException {
        var catalogue = new Catalogue(arena, drive, layout, path);
        catalogue.pages.load(new PageStore.Visitor() {
            @Override
            public void page(PageFormat.Head head, MemorySegment bytes) throws AshlarException {
                catalogue.found(head, bytes);
            }

            @Override
            public void damaged(int page) {
                catalogue.takenPages.set(page);
                log.error(
                        "drive={} page={} catalogue page lost: both copies are damaged",
                        path,
                        page);
            }
        });
        return catalogue;
    }

    private void found(PageFormat.Head head, MemorySegment bytes) throws AshlarException {
        switch (head.kind()) {
            case FREE, SUPERBLOCK -> {}
            case STATE -> state = DriveStateFormat.read(bytes);
            case FENCES -> foundFences(head.page(), FencesFormat.read(bytes));
            case SHARD -> {
                ShardEntry entry = ShardEntryFormat.read(bytes);
                if (entry == null || !slots.take(entry.run())) {
                    throw new AshlarException.Corrupt("the catalogue of drive " + path
                            + " contradicts itself in page " + head.page() + " (" + entry
                            + "): empty the directory to format it anew and let repair refill it");
                }
                install(head.page(), entry);
            }
        }
    }

    private void foundFences(int page, Fences fences) {
        fencePages.put(page - ArenaLayout.FIRST_FENCE_PAGE, fences);
        for (Fence fence : fences.fences()) {
            absentFences.merge(fence.segment(), fence.epoch(), Math::max);
        }
    }

    private void install(int page, ShardEntry entry) {
        takenPages.set(page);
        shardPages.put(entry.key(), page);
        entries.put(page, entry);
    }

    ArenaLayout layout() {
        return layout;
    }

    List<ShardEntry> entries() {
        return List.copyOf(entries.values());
    }

    DriveState state() {
        return state;
    }

    void putState(DriveState state) throws IOException {
        pages.write(
                ArenaLayout.STATE_PAGE,
                PageFormat.Kind.STATE,
                page -> DriveStateFormat.write(state, page));
        this.state = state;
    }

    int takenSlots() {
        return slots.takenCount();
    }

    /** Takes slots for a shard; null where there are not enough besides so many. */
    ShardEntry.@Nullable Run reserve(long shardBytes, int keepFree) {
        boolean pageLeft = takenPages.cardinality() < layout.shardPageCount();
        return pageLeft ? slots.allocate(layout.slotsFor(shardBytes), keepFree) : null;
    }

    /** Gives back slots that no entry names, and none named since the last sync. */
    void release(ShardEntry.Run run) {
        slots.free(run);
    }

    /** Puts a new entry, or another in place of that of the same key. */
    void put(ShardEntry entry) throws IOException {
        Integer known = shardPages.get(entry.key());
        int page = known != null ? known : takenPages.nextClearBit(layout.firstShardPage());
        if (page >= layout.pageCount()) {
            throw new DriveFullException("the catalogue is full", null);
        }
        pages.write(page, PageFormat.Kind.SHARD, bytes -> ShardEntryFormat.write(entry, bytes));
        install(page, entry);
    }

    /** Removes an entry. Its slots are released by the caller, once that is durable. */
    void remove(ShardKey key) throws IOException {
        Integer page = shardPages.get(key);
        if (page == null) {
            throw new IllegalStateException(key + " is not in the catalogue of drive " + path);
        }
        pages.write(page, PageFormat.Kind.FREE, bytes -> {});
        shardPages.remove(key);
        entries.remove(page);
        takenPages.clear(page);
    }

    /** The fence that was raised for a segment while it had no shard here; 0: none. */
    long absentFence(SegmentId segment) {
        return absentFences.getOrDefault(segment, 0L);
    }

    /**
     * Remembers a fence where there is no shard, so that none is created behind it. The pages are a
     * ring: thousands of such fences later, the oldest are forgotten.
     */
    void raiseAbsentFence(SegmentId segment, long epoch) throws IOException {
        Fences newest = new Fences(0, List.of());
        int newestPage = 0;
        for (Map.Entry<Integer, Fences> page : fencePages.entrySet()) {
            if (page.getValue().firstNumber() > newest.firstNumber()) {
                newest = page.getValue();
                newestPage = page.getKey();
            } else if (newestPage == page.getKey()) {
                newest = page.getValue();
            }
        }
        Fence fence = new Fence(segment, epoch);
        if (newest.fences().size() < FencesFormat.MAX_FENCES) {
            List<Fence> fences = new ArrayList<>(newest.fences());
            fences.add(fence);
            putFences(newestPage, new Fences(newest.firstNumber(), List.copyOf(fences)));
        } else {
            long firstNumber = newest.firstNumber() + newest.fences().size();
            int nextPage = (newestPage + 1) % layout.fencePageCount();
            Fences forgotten = fencePages.getOrDefault(nextPage, new Fences(0, List.of()));
            putFences(nextPage, new Fences(firstNumber, List.of(fence)));
            forgotten.fences().forEach(old -> absentFences.remove(old.segment(), old.epoch()));
        }
        absentFences.merge(segment, epoch, Math::max);
    }

    /**
     * Remembers that a shard of this segment was deleted here before anybody was told that it had
     * been created. A segment's shards are created once, before it is opened: a creation that comes
     * later was overtaken on its way.
     */
    void refuseCreation(SegmentId segment) throws IOException {
        if (absentFence(segment) != DELETED) {
            raiseAbsentFence(segment, DELETED);
        }
    }

    private void putFences(int index, Fences fences) throws IOException {
        pages.write(
                ArenaLayout.FIRST_FENCE_PAGE + index,
                PageFormat.Kind.FENCES,
                page -> FencesFormat.write(fences, page));
        fencePages.put(index, fences);
    }

    /** Called after each sync of the arena. */
    void synced() throws IOException {
        pages.synced();
    }
}
