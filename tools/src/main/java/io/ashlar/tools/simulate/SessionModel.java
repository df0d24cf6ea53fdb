package io.ashlar.tools.simulate;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;

/**
 * What one opening of a volume may show, known from what was issued and acknowledged alone. Nothing
 * of the shipping code is asked.
 *
 * <p>A block holds what it held when the volume was opened, or what was written to it since: the
 * last write that was acknowledged before it was read, or a later one that was issued. When another
 * session follows, what that one finds must be a prefix of the order of this one's writes, with
 * every acknowledged one in it (INV-8); whatever this one is told afterwards must agree with that.
 */
final class SessionModel {
    private final int volume;
    private final long epoch;
    private final long[] base;
    private final List<Issued> issued = new ArrayList<>();
    private final List<List<Issued>> byBlock = new ArrayList<>();
    private long acknowledgements;
    private int unsettledFrom;

    /** Writes before this one are in what the next session found; -1 while there is none. */
    private int survived = -1;

    /**
     * A session.
     *
     * @param base the stamps that were found at its beginning
     */
    SessionModel(int volume, long epoch, long[] base) {
        this.volume = volume;
        this.epoch = epoch;
        this.base = base.clone();
        for (int i = 0; i < base.length; i++) {
            byBlock.add(new ArrayList<>());
        }
    }

    /** A write; zeroes have stamp 0. */
    static final class Issued {
        private final int index;
        private final int firstBlock;
        private final int blockCount;
        private final long stamp;
        private long acknowledgement;
        private boolean failed;

        Issued(int index, int firstBlock, int blockCount, long stamp) {
            this.index = index;
            this.firstBlock = firstBlock;
            this.blockCount = blockCount;
            this.stamp = stamp;
        }

        boolean isAcknowledged() {
            return acknowledgement > 0;
        }

        boolean isSettled() {
            return acknowledgement > 0 || failed;
        }
    }

    long epoch() {
        return epoch;
    }

    int blockCount() {
        return base.length;
    }

    /** The stamps that were found at its beginning. */
    long[] base() {
        return base.clone();
    }

    Issued issue(int firstBlock, int blockCount, long stamp) {
        Issued one = new Issued(issued.size(), firstBlock, blockCount, stamp);
        issued.add(one);
        for (int block = firstBlock; block < firstBlock + blockCount; block++) {
            byBlock.get(block).add(one);
        }
        return one;
    }

    long acknowledgedCount() {
        return acknowledgements;
    }

    int issuedCount() {
        return issued.size();
    }

    /** INV-4: in order; and none that a later session does not know of. */
    void acknowledged(Issued one) {
        acknowledgements++;
        one.acknowledgement = acknowledgements;
        requireSettledBefore(one.index, "write " + one.index + " was acknowledged");
        if (survived >= 0 && one.index >= survived) {
            throw new Violation(
                    "two writers never both succeed",
                    "write " + one.index + " of epoch " + epoch + " of volume v" + volume
                            + " was acknowledged, but the volume was taken over with "
                            + survived + " of its writes");
        }
    }

    void failed(Issued one) {
        one.failed = true;
    }

    /** A flush that ended well promises that all before it is settled. */
    void flushed(int issuedBefore) {
        requireSettledBefore(issuedBefore, "a flush returned");
    }

    private void requireSettledBefore(int index, String what) {
        while (unsettledFrom < issued.size() && issued.get(unsettledFrom).isSettled()) {
            unsettledFrom++;
        }
        if (unsettledFrom < index) {
            throw new Violation(
                    "INV-4",
                    what + " in epoch " + epoch + " of volume v" + volume + " before write "
                            + unsettledFrom + " was");
        }
    }

    // ---- reads

    /** Marks the beginning of a read. */
    long beginRead() {
        return acknowledgements;
    }

    /** Holds what was read to what may be there. */
    void check(long begun, int firstBlock, int blockCount, ByteBuffer bytes) {
        for (int i = 0; i < blockCount; i++) {
            int block = firstBlock + i;
            long stamp = Content.stampOf(volume, block, bytes, i * Content.BLOCK_BYTES);
            if (!allows(begun, block, stamp)) {
                throw new Violation(
                        "INV-8",
                        "block " + block + " of volume v" + volume + " in epoch " + epoch
                                + " reads as write " + stamp + ", allowed were "
                                + allowed(begun, block));
            }
        }
    }

    private boolean allows(long begun, int block, long stamp) {
        List<Issued> writes = byBlock.get(block);
        for (int i = writes.size() - 1; i >= 0; i--) {
            Issued one = writes.get(i);
            if (one.stamp == stamp) {
                return true;
            }
            if (one.isAcknowledged() && one.acknowledgement <= begun) {
                return false;
            }
        }
        return base[block] == stamp;
    }

    private List<Long> allowed(long begun, int block) {
        List<Long> stamps = new ArrayList<>();
        List<Issued> writes = byBlock.get(block);
        for (int i = writes.size() - 1; i >= 0; i--) {
            Issued one = writes.get(i);
            stamps.add(one.stamp);
            if (one.isAcknowledged() && one.acknowledgement <= begun) {
                return stamps;
            }
        }
        stamps.add(base[block]);
        return stamps;
    }

    // ---- what survives

    /** Another session found these stamps: a prefix of this one's writes must explain them. */
    void surviveAs(long[] stamps) {
        int acknowledged = acknowledgedPrefix();
        if (!surviveAs(stamps, acknowledged)) {
            throw new Violation(
                    "INV-8",
                    "no prefix of at least " + acknowledged + " of the " + issued.size()
                            + " writes of epoch " + epoch + " explains what volume v" + volume
                            + " holds: " + firstWrong(acknowledged, stamps));
        }
    }

    /** So many writes and no less have to survive for all that was acknowledged to be there. */
    int acknowledgedPrefix() {
        int acknowledged = 0;
        for (Issued one : issued) {
            acknowledged = one.isAcknowledged() ? one.index + 1 : acknowledged;
        }
        return acknowledged;
    }

    /**
     * How many of the acknowledged writes were wholly in the log when a block was written with this, as
     * a write may span stripes; 0 if it never was.
     */
    int acknowledgedPrefix(int block, LongPredicate isContentOf) {
        List<Issued> writes = byBlock.get(block);
        for (int i = writes.size() - 1; i >= 0; i--) {
            Issued one = writes.get(i);
            if (isContentOf.test(one.stamp)) {
                boolean whole = block == one.firstBlock + one.blockCount - 1;
                return Math.min(whole ? one.index + 1 : one.index, acknowledgedPrefix());
            }
        }
        return 0;
    }

    /**
     * Whether a prefix of so many writes at least explains these stamps. Of what cannot be read all is
     * explained.
     */
    boolean surviveAs(long[] stamps, int least) {
        for (int prefix = issued.size(); prefix >= least; prefix--) {
            int cuts = prefix > least ? issued.get(prefix - 1).blockCount : 1;
            for (int cut = 0; cut < cuts; cut++) {
                if (explains(prefix, cut, stamps)) {
                    survived = prefix;
                    return true;
                }
            }
        }
        return false;
    }

    /** How many writes have survived, as the next session found. */
    int survived() {
        return survived;
    }

    /** What no prefix of so many writes at least explains, of one block if that suffices. */
    String firstWrong(int acknowledged, long[] stamps) {
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] != LossyRead.UNREADABLE
                    && !explains(issued.size(), 0, block, stamps[block])) {
                return "block " + block + " holds write " + stamps[block] + ", its writes are "
                        + historyOf(block) + " (" + acknowledged + " acknowledged in all)";
            }
        }
        return "each block by itself could be explained";
    }

    private String historyOf(int block) {
        StringBuilder text = new StringBuilder().append(base[block]);
        for (Issued one : byBlock.get(block)) {
            text.append(", #")
                    .append(one.index)
                    .append('=')
                    .append(one.stamp)
                    .append(one.isAcknowledged() ? " ok" : one.failed ? " failed" : " unknown");
        }
        return text.toString();
    }

    private boolean explains(int prefix, int blocksOfLast, long[] stamps) {
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] != LossyRead.UNREADABLE
                    && !explains(prefix, blocksOfLast, block, stamps[block])) {
                return false;
            }
        }
        return true;
    }

    /** The last write may span stripes and survive in part; one that failed may have left parts. */
    private boolean explains(int prefix, int blocksOfLast, int block, long stamp) {
        List<Issued> writes = byBlock.get(block);
        for (int i = writes.size() - 1; i >= 0; i--) {
            Issued one = writes.get(i);
            boolean beyond = one.index >= prefix;
            boolean cut = one.index == prefix - 1
                    && blocksOfLast > 0
                    && block >= one.firstBlock + blocksOfLast;
            if (!beyond && !cut) {
                if (one.stamp == stamp) {
                    return true;
                }
                if (!one.failed) {
                    return false;
                }
            }
        }
        return base[block] == stamp;
    }
}
