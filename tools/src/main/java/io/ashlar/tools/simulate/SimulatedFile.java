package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * The bytes of a file, as its readers see them, and as they were when they were last durable. Pages
 * of nothing but zeros are not kept.
 */
final class SimulatedFile {
    static final int PAGE_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;
    private static final byte[] ZEROS = new byte[PAGE_BYTES];
    private static final Unsynced[] FATES = {Unsynced.THERE, Unsynced.LOST, Unsynced.TORN};

    private final TreeMap<Long, byte[]> visible = new TreeMap<>();

    /** What the pages written since the last sync held before; zeros where null. */
    private final TreeMap<Long, byte @Nullable []> unsynced = new TreeMap<>();

    private final Set<Long> unreadable = new HashSet<>();
    private long sizeBytes;

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
        return !unsynced.containsKey(page);
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
            if (!unsynced.containsKey(page)) {
                unsynced.put(page, old);
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

    void sync() {
        unsynced.clear();
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

    /** As if this had never been written, or something else. */
    void overwrite(long page, byte @Nullable [] bytes) {
        put(page, bytes == null ? null : bytes.clone());
    }

    void makeUnreadable(long page) {
        unreadable.add(page);
    }
}
