package io.ashlar.client.map;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;

import org.jspecify.annotations.Nullable;

import java.util.HashSet;
import java.util.Set;

/**
 * Where each block of a volume lives now, in memory: pages of 1024 blocks, made when first written.
 * A block is unwritten (reads as zeroes), lost (reads fail: its newest content could not be
 * recovered, and older content must not be shown), or a piece of a stripe with the CRC of its
 * bytes. Lives on its volume's loop.
 */
public final class BlockMap {
    private static final int PAGE_BLOCKS = 1024;

    /** Stands for content that is lost. */
    private static final StripeRef[] NO_STRIPES = new StripeRef[0];

    private final long blockCount;
    private final @Nullable Page[] pages;

    public BlockMap(long blockCount) {
        this.blockCount = blockCount;
        this.pages = new Page[Math.toIntExact((blockCount + PAGE_BLOCKS - 1) / PAGE_BLOCKS)];
    }

    private static final class Page {
        final @Nullable StripeRef[] stripes = new StripeRef[PAGE_BLOCKS];
        final int[] pieces = new int[PAGE_BLOCKS];
        final int[] crcs = new int[PAGE_BLOCKS];
        final boolean[] lost = new boolean[PAGE_BLOCKS];
    }

    /** What is known of a block. */
    public sealed interface Pointer {}

    /** Never written, or zeroed: no I/O needed. */
    public record Zero() implements Pointer {
        static final Zero INSTANCE = new Zero();
    }

    /** Its newest content is lost. */
    public record Lost() implements Pointer {
        static final Lost INSTANCE = new Lost();
    }

    /**
     * Stored.
     *
     * @param piece index among the 4 KiB pieces of the stripe's data cells taken together
     * @param crc CRC32C of the block
     */
    public record Stored(StripeRef stripe, int piece, int crc) implements Pointer {
        /** The participant, a data cell, that holds the block. */
        public int participant() {
            return piece / stripe.geometry().piecesPerCell();
        }

        /** The block's piece within that cell. */
        public int pieceOfCell() {
            return piece % stripe.geometry().piecesPerCell();
        }
    }

    public long blockCount() {
        return blockCount;
    }

    public Pointer get(long block) {
        Page page = pages[(int) (block / PAGE_BLOCKS)];
        int index = (int) (block % PAGE_BLOCKS);
        if (page == null) {
            return Zero.INSTANCE;
        }
        if (page.lost[index]) {
            return Lost.INSTANCE;
        }
        StripeRef stripe = page.stripes[index];
        return stripe == null
                ? Zero.INSTANCE
                : new Stored(stripe, page.pieces[index], page.crcs[index]);
    }

    /** Installs what a stripe holds: its extents in order, later ones win. */
    public void install(StripeRef ref, Stripe stripe) {
        int crcIndex = 0;
        for (Extent extent : stripe.extents()) {
            for (int i = 0; i < extent.blockCount(); i++) {
                long block = extent.firstBlock() + i;
                switch (extent.kind()) {
                    case ZERO -> clear(block);
                    case DATA -> {
                        int piece = extent.startBytes() / Stripe.PIECE_BYTES + i;
                        put(block, ref, piece, stripe.blockCrc(crcIndex++));
                    }
                }
            }
        }
    }

    private void put(long block, StripeRef stripe, int piece, int crc) {
        if (block >= blockCount) {
            return;
        }
        Page page = pageOf(block);
        int index = (int) (block % PAGE_BLOCKS);
        page.stripes[index] = stripe;
        page.pieces[index] = piece;
        page.crcs[index] = crc;
        page.lost[index] = false;
    }

    private void clear(long block) {
        if (block < blockCount && pages[(int) (block / PAGE_BLOCKS)] != null) {
            Page page = pageOf(block);
            int index = (int) (block % PAGE_BLOCKS);
            page.stripes[index] = null;
            page.lost[index] = false;
        }
    }

    /** Marks the extents of a stripe that cannot be decoded any more. */
    public void lose(Stripe stripe) {
        for (Extent extent : stripe.extents()) {
            for (long block = extent.firstBlock(); block < extent.endBlock(); block++) {
                loseBlock(block);
            }
        }
    }

    /** Marks every block: a stripe is lost of which nothing tells what it held. */
    public void loseAll() {
        for (long block = 0; block < blockCount; block++) {
            loseBlock(block);
        }
    }

    private void loseBlock(long block) {
        if (block < blockCount) {
            Page page = pageOf(block);
            int index = (int) (block % PAGE_BLOCKS);
            page.stripes[index] = null;
            page.lost[index] = true;
        }
    }

    private Page pageOf(long block) {
        int number = (int) (block / PAGE_BLOCKS);
        Page page = pages[number];
        if (page == null) {
            page = new Page();
            pages[number] = page;
        }
        return page;
    }

    /** Every stripe that holds a live block. */
    public Set<StripeRef> liveStripes() {
        Set<StripeRef> live = new HashSet<>();
        for (Page page : pages) {
            for (StripeRef stripe : page == null ? NO_STRIPES : page.stripes) {
                if (stripe != null) {
                    live.add(stripe);
                }
            }
        }
        return live;
    }

    public long lostBlocks() {
        long count = 0;
        for (Page page : pages) {
            if (page != null) {
                for (boolean lost : page.lost) {
                    count += lost ? 1 : 0;
                }
            }
        }
        return count;
    }
}
