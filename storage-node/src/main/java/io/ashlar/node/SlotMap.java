package io.ashlar.node;

import org.jspecify.annotations.Nullable;

import java.util.BitSet;

/** Which slots of an arena are taken. First fit, each run aligned to its size's power of two. */
final class SlotMap {
    private final BitSet taken;
    private final int slotCount;

    SlotMap(int slotCount) {
        this.taken = new BitSet(slotCount);
        this.slotCount = slotCount;
    }

    /** Takes a run of free slots and leaves so many others free; null where that cannot be. */
    ShardEntry.@Nullable Run allocate(int count, int keepFree) {
        if (freeCount() - count < keepFree) {
            return null;
        }
        int alignment = Integer.highestOneBit(count);
        for (int first = 0; first + count <= slotCount; ) {
            int nextTaken = taken.nextSetBit(first);
            if (nextTaken < 0 || nextTaken >= first + count) {
                taken.set(first, first + count);
                return new ShardEntry.Run(first, count);
            }
            first = (taken.nextClearBit(nextTaken) + alignment - 1) / alignment * alignment;
        }
        return null;
    }

    /** Takes these; false where some are taken already or do not exist. */
    boolean take(ShardEntry.Run run) {
        int end = run.firstSlot() + run.slotCount();
        int nextTaken = run.firstSlot() < 0 ? 0 : taken.nextSetBit(run.firstSlot());
        if (run.firstSlot() < 0
                || run.slotCount() < 1
                || end > slotCount
                || (nextTaken >= 0 && nextTaken < end)) {
            return false;
        }
        taken.set(run.firstSlot(), end);
        return true;
    }

    void free(ShardEntry.Run run) {
        taken.clear(run.firstSlot(), run.firstSlot() + run.slotCount());
    }

    int takenCount() {
        return taken.cardinality();
    }

    private int freeCount() {
        return slotCount - taken.cardinality();
    }
}
