package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The pages of an arena's catalogue. Every page is there twice. A change goes to the copy that the
 * last sync did not prove durable, and to the other one only after a sync: so at any moment one
 * copy is whole and durable, whatever a crash tears, and soon both are, whatever rots. Belongs to
 * the drive's thread.
 */
final class PageStore {
    private static final Logger log = LoggerFactory.getLogger(PageStore.class);
    private static final int LOAD_BYTES = 1 << 20;

    /** Stands for what cannot be read: it is neither a page nor empty. */
    private static final byte UNREADABLE = -1;

    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new byte[PageFormat.PAGE_BYTES]).asReadOnly();

    private final DriveFile arena;
    private final DriveId drive;
    private final long[] generations;
    private final byte[] durableCopies;
    private final Map<Integer, MemorySegment> unsynced = new LinkedHashMap<>();

    PageStore(DriveFile arena, DriveId drive, ArenaLayout layout) {
        this.arena = arena;
        this.drive = drive;
        this.generations = new long[layout.pageCount()];
        this.durableCopies = new byte[layout.pageCount()];
    }

    /** Hears of the pages that were found. */
    interface Visitor {
        void page(PageFormat.Head head, MemorySegment bytes) throws AshlarException;

        /** A page whose copies both fail their check. */
        void damaged(int page);
    }

    /** The layout that the arena's superblock tells, of whichever drive it says it is. */
    static Superblock readSuperblock(DriveFile arena, String path)
            throws IOException, AshlarException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[PageFormat.PAGE_BYTES]);
        IOException unreadable = null;
        for (int copy = 0; copy < 2; copy++) {
            try {
                arena.read(ArenaLayout.pageAt(ArenaLayout.SUPERBLOCK_PAGE, copy), bytes);
            } catch (IOException e) {
                if (unreadable != null) {
                    throw e;
                }
                unreadable = e;
                continue;
            }
            PageFormat.Head head = PageFormat.read(bytes);
            if (head != null && head.kind() == PageFormat.Kind.SUPERBLOCK) {
                return new Superblock(head.drive(), SuperblockFormat.read(bytes));
            }
            int version = PageFormat.version(bytes);
            if (PageFormat.hasMagic(bytes) && version > PageFormat.VERSION) {
                throw new AshlarException.Incompatible("the arena of drive " + path
                        + " has format version " + version + ", this release knows "
                        + PageFormat.VERSION + ": use a newer release");
            }
        }
        throw new AshlarException.Corrupt("the arena of drive " + path
                + " has no readable superblock: empty the directory to format it anew and let"
                + " repair refill it");
    }

    /** What an arena says of itself. */
    record Superblock(DriveId drive, ArenaLayout layout) {}

    /**
     * Reads all pages; the visitor gets the newer copy of each that was ever written. Syncs first,
     * as what is visible after a crash of the process need not be durable.
     */
    void load(Visitor visitor) throws IOException, AshlarException {
        arena.sync();
        MemorySegment chunk = MemorySegment.ofArray(new byte[LOAD_BYTES]);
        int pairBytes = 2 * PageFormat.PAGE_BYTES;
        for (int page = 0; page < generations.length; page++) {
            long inChunk = (long) page * pairBytes % LOAD_BYTES;
            if (inChunk == 0) {
                long left = (long) (generations.length - page) * pairBytes;
                read(page, chunk.asSlice(0, Math.min(LOAD_BYTES, left)));
            }
            loadPair(page, chunk.asSlice(inChunk, pairBytes), visitor);
        }
    }

    private void read(int firstPage, MemorySegment chunk) throws IOException {
        try {
            arena.read(ArenaLayout.pageAt(firstPage, 0), chunk);
        } catch (IOException e) {
            log.warn("page={} catalogue not readable at once, copy by copy now", firstPage, e);
            for (int i = 0; i < chunk.byteSize() / PageFormat.PAGE_BYTES; i += 2) {
                readPair(firstPage + i / 2, chunk.asSlice((long) i * PageFormat.PAGE_BYTES));
            }
        }
    }

    /**
     * A copy that cannot be read is as a rotten one while the other can be: it is written anew then.
     * Where neither can be, nothing is known of what is lost, and the drive is not to be served.
     */
    private void readPair(int page, MemorySegment pair) throws IOException {
        IOException unreadable = null;
        for (int copy = 0; copy < 2; copy++) {
            MemorySegment bytes =
                    pair.asSlice((long) copy * PageFormat.PAGE_BYTES, PageFormat.PAGE_BYTES);
            try {
                arena.read(ArenaLayout.pageAt(page, copy), bytes);
            } catch (IOException e) {
                if (unreadable != null) {
                    throw e;
                }
                unreadable = e;
                bytes.fill(UNREADABLE);
            }
        }
    }

    private void loadPair(int page, MemorySegment pair, Visitor visitor)
            throws IOException, AshlarException {
        MemorySegment first = pair.asSlice(0, PageFormat.PAGE_BYTES);
        MemorySegment second = pair.asSlice(PageFormat.PAGE_BYTES);
        PageFormat.Head firstHead = own(page, PageFormat.read(first));
        PageFormat.Head secondHead = own(page, PageFormat.read(second));
        boolean useSecond = secondHead != null
                && (firstHead == null || secondHead.generation() > firstHead.generation());
        PageFormat.Head head = useSecond ? secondHead : firstHead;
        if (head == null) {
            if (!isZero(first) && !isZero(second)) {
                visitor.damaged(page);
            }
            return;
        }
        MemorySegment bytes = useSecond ? second : first;
        generations[page] = head.generation();
        durableCopies[page] = (byte) (useSecond ? 1 : 0);
        visitor.page(head, bytes);
        if (firstHead == null || secondHead == null) {
            arena.write(ArenaLayout.pageAt(page, useSecond ? 0 : 1), bytes);
        }
    }

    private PageFormat.@Nullable Head own(int page, PageFormat.@Nullable Head head) {
        return head != null && head.page() == page && head.drive().equals(drive) ? head : null;
    }

    private static boolean isZero(MemorySegment bytes) {
        return bytes.mismatch(ZEROS) < 0;
    }

    /** Writes a page whose body the consumer fills in. Durable after the next sync. */
    void write(int page, PageFormat.Kind kind, Consumer<MemorySegment> body) throws IOException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[PageFormat.PAGE_BYTES]);
        body.accept(bytes);
        PageFormat.write(new PageFormat.Head(kind, page, drive, generations[page] + 1), bytes);
        arena.write(ArenaLayout.pageAt(page, 1 - durableCopies[page]), bytes);
        generations[page]++;
        unsynced.put(page, bytes);
    }

    /** Called after each sync: brings the other copies of what is durable now up to date. */
    void synced() throws IOException {
        for (Map.Entry<Integer, MemorySegment> entry : unsynced.entrySet()) {
            int page = entry.getKey();
            int other = durableCopies[page];
            durableCopies[page] = (byte) (1 - other);
            try {
                arena.write(ArenaLayout.pageAt(page, other), entry.getValue());
            } catch (DriveFullException e) {
                log.warn("page={} is there once only, for lack of room", page, e);
            }
        }
        unsynced.clear();
    }
}
