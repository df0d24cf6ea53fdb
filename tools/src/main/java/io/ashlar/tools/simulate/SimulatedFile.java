package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * The bytes of a file, as its readers see them, and as they were when they were last durable. Pages
 * of nothing but zeros are not kept.
 *
 * <p>Whoever writes runs ahead of the time that everybody has reached: a write that lies ahead has
 * not happened when the power goes, and a sync that is not over has made nothing durable.
 */
final class SimulatedFile {
    static final int PAGE_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;
    private static final byte[] ZEROS = new byte[PAGE_BYTES];
    private static final Unsynced[] FATES = {Unsynced.THERE, Unsynced.LOST, Unsynced.TORN};

    private final TreeMap<Long, byte[]> visible = new TreeMap<>();

    /** What the pages written since the last sync held before; zeros where null. */
    private TreeMap<Long, byte @Nullable []> unsynced = new TreeMap<>();

    /** What pages held before they were last written over. */
    private final TreeMap<Long, byte[]> former = new TreeMap<>();

    /** What lies ahead, or is not over, in its order. */
    private final Deque<Step> ahead = new ArrayDeque<>();

    private final Set<Long> unreadable = new HashSet<>();
    private final Schedule schedule;
    private long sizeBytes;

    SimulatedFile(Schedule schedule) {
        this.schedule = schedule;
    }

    /**
     * Something that is done to the file.
     *
     * @param endNanos from when on it has happened: a write when it begins, as it may be torn then; a
     *     sync when it ends
     * @param syncing the pages that it makes durable
     */
    private record Step(long endNanos, Set<Long> syncing, Runnable undo) {}

    /** The pages that hold anything, by number. */
    NavigableMap<Long, byte[]> pages() {
        return visible;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    void resize(long size) {
        visible.tailMap((size + PAGE_BYTES - 1) / PAGE_BYTES).clear();
        sizeBytes = size;
    }

    boolean isUnreadable(long page) {
        return !unreadable.isEmpty() && unreadable.contains(page);
    }

    boolean isSynced(long page) {
        forgetPast();
        return !unsynced.containsKey(page)
                && ahead.stream().noneMatch(step -> step.syncing.contains(page));
    }

    byte[] page(long page) {
        byte[] bytes = visible.get(page);
        return bytes == null ? ZEROS : bytes;
    }

    void read(long at, MemorySegment target) {
        long length = target.byteSize();
        for (long done = 0; done < length; ) {
            int from = (int) ((at + done) % PAGE_BYTES);
            long part = Math.min(PAGE_BYTES - from, length - done);
            byte[] bytes = visible.get((at + done) / PAGE_BYTES);
            if (bytes == null) {
                target.asSlice(done, part).fill((byte) 0);
            } else {
                MemorySegment.copy(MemorySegment.ofArray(bytes), from, target, done, part);
            }
            done += part;
        }
    }

    void write(long at, MemorySegment source) {
        long length = source.byteSize();
        for (long done = 0; done < length; ) {
            long page = (at + done) / PAGE_BYTES;
            int from = (int) ((at + done) % PAGE_BYTES);
            long part = Math.min(PAGE_BYTES - from, length - done);
            byte[] old = visible.get(page);
            if (old == null
                    && part == PAGE_BYTES
                    && source.asSlice(done, part).mismatch(MemorySegment.ofArray(ZEROS)) < 0) {
                unreadable.remove(page);
                done += part;
                continue;
            }
            if (old != null) {
                former.put(page, old);
            }
            boolean first = !unsynced.containsKey(page);
            if (first) {
                unsynced.put(page, old);
            }
            if (schedule.isAhead()) {
                ahead.add(new Step(schedule.nowNanos(), Set.of(), () -> {
                    put(page, old);
                    if (first) {
                        unsynced.remove(page);
                    }
                }));
            }
            byte[] bytes = old == null || part == PAGE_BYTES ? new byte[PAGE_BYTES] : old.clone();
            MemorySegment.copy(source, done, MemorySegment.ofArray(bytes), from, part);
            unreadable.remove(page);
            put(page, bytes);
            done += part;
        }
        sizeBytes = Math.max(sizeBytes, at + length);
    }

    private void put(long page, byte @Nullable [] bytes) {
        if (bytes == null || Arrays.equals(bytes, ZEROS)) {
            visible.remove(page);
        } else {
            visible.put(page, bytes);
        }
    }

    /** Makes durable what was written, once the time at which that is over is reached. */
    void sync() {
        forgetPast();
        TreeMap<Long, byte @Nullable []> pages = unsynced;
        unsynced = new TreeMap<>();
        if (schedule.isAhead()) {
            ahead.add(new Step(schedule.nowNanos(), pages.keySet(), () -> {
                unsynced.putAll(pages);
            }));
        } else {
            ahead.clear();
        }
    }

    /** What lies ahead has happened, whatever becomes of the power. */
    void reach() {
        ahead.clear();
    }

    private void forgetPast() {
        while (!ahead.isEmpty() && ahead.getFirst().endNanos <= schedule.reachedNanos()) {
            ahead.removeFirst();
        }
    }

    private void undoAhead() {
        forgetPast();
        while (!ahead.isEmpty()) {
            ahead.removeLast().undo.run();
        }
    }

    /** What becomes of pages that were not synced when the power goes. */
    enum Unsynced {
        /** They are there all the same. */
        THERE,
        /** They are as they were before. */
        LOST,
        /** Part old, part new. */
        TORN,
        /** Each of them one of these. */
        MIXED;

        /** The same for all pages of a file, or for each another. */
        static Unsynced draw(RandomGenerator random) {
            return switch (random.nextInt(3)) {
                case 0 -> THERE;
                case 1 -> LOST;
                default -> MIXED;
            };
        }
    }

    /** The power is gone. */
    void cutPower(Unsynced fate, RandomGenerator random) {
        undoAhead();
        doubt(fate, random);
    }

    /** A sync has failed: what was written since the last one is durable or not. */
    void doubt(Unsynced fate, RandomGenerator random) {
        for (Map.Entry<Long, byte @Nullable []> entry : unsynced.entrySet()) {
            long page = entry.getKey();
            switch (fate == Unsynced.MIXED ? FATES[random.nextInt(FATES.length)] : fate) {
                case LOST -> put(page, entry.getValue());
                case TORN -> put(page, torn(page(page), entry.getValue(), random));
                case THERE, MIXED -> {}
            }
        }
        unsynced.clear();
    }

    private static byte[] torn(byte[] now, byte @Nullable [] before, RandomGenerator random) {
        byte[] old = before == null ? ZEROS : before;
        byte[] torn = now.clone();
        for (int at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
            if (random.nextBoolean()) {
                System.arraycopy(old, at, torn, at, SECTOR_BYTES);
            }
        }
        return torn;
    }

    // ---- what drives do to what was durable

    void flipBit(long page, int bit) {
        byte[] bytes = page(page).clone();
        bytes[bit / 8] ^= (byte) (1 << (bit % 8));
        put(page, bytes);
    }

    /** As if it had not been written over the last time, or never. */
    void loseLastWrite(long page) {
        put(page, former.get(page));
    }

    /** As if this had never been written, or something else. */
    void overwrite(long page, byte @Nullable [] bytes) {
        put(page, bytes == null ? null : bytes.clone());
    }

    void makeUnreadable(long page) {
        unreadable.add(page);
    }
}
