package io.ashlar.tools.simulate;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A record as it lies on a drive, found by its bytes alone.
 *
 * @param page where it begins in the arena
 */
record FoundRecord(SimulatedFile arena, long page, CellFormat.Cell cell) {
    private static final ValueLayout.OfInt USED_BYTES =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int USED_BYTES_AT = 32;

    /** All whole headers on a drive. */
    static List<FoundRecord> on(SimulatedDrive drive) {
        SimulatedFile arena = drive.arena();
        List<FoundRecord> found = new ArrayList<>();
        if (arena != null) {
            for (long page : List.copyOf(arena.pages().keySet())) {
                FoundRecord record = at(arena, page);
                if (record != null) {
                    found.add(record);
                }
            }
        }
        return found;
    }

    /** The record whose whole header begins at a page, if one does. */
    static @Nullable FoundRecord at(SimulatedFile arena, long page) {
        CellFormat.Sizes sizes = CellFormat.sizes(MemorySegment.ofArray(arena.page(page)));
        if (sizes == null) {
            return null;
        }
        MemorySegment header = MemorySegment.ofArray(new byte[sizes.headerBytes()]);
        arena.read(page * SimulatedFile.PAGE_BYTES, header);
        CellFormat.Cell cell = CellFormat.read(header);
        return cell == null ? null : new FoundRecord(arena, page, cell);
    }

    Stripe stripe() {
        return cell.stripe();
    }

    SegmentId segment() {
        return stripe().identity().segment();
    }

    /** The shard that such a cell belongs to. */
    int shardIndex() {
        return Stripe.shardOf(
                cell.role(), stripe().identity().number(), stripe().geometry().policy());
    }

    /** Whether it lies in its own place of this shard's, and not where it was written by mistake. */
    boolean isIn(CatalogueCopy.Shard shard) {
        return segment().equals(shard.segment())
                && shardIndex() == shard.index()
                && page * SimulatedFile.PAGE_BYTES
                        == shard.firstByte() + stripe().identity().offset();
    }

    int pageCount() {
        return stripe().geometry().recordBytes() / SimulatedFile.PAGE_BYTES;
    }

    /** Bytes of the header that hold anything. */
    int usedHeaderBytes() {
        return MemorySegment.ofArray(arena.page(page)).get(USED_BYTES, USED_BYTES_AT);
    }

    int headerPages() {
        return stripe().geometry().headerBytes() / SimulatedFile.PAGE_BYTES;
    }

    boolean isSynced() {
        for (int i = 0; i < pageCount(); i++) {
            if (!arena.isSynced(page + i)) {
                return false;
            }
        }
        return true;
    }

    boolean isHeaderReadable() {
        for (int i = 0; i < headerPages(); i++) {
            if (arena.isUnreadable(page + i)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a piece of the cell is there and can be read. */
    boolean holds(int piece) {
        long place = page + headerPages() + piece;
        int participant = stripe().geometry().participantIn(cell.role());
        return !arena.isUnreadable(place)
                && Crc32c.of(MemorySegment.ofArray(arena.page(place)), 0, SimulatedFile.PAGE_BYTES)
                        == stripe().pieceCrc(participant, piece);
    }

    /** Whether all of it is there and can be read. */
    boolean isWhole() {
        for (int piece = 0; piece < stripe().geometry().piecesPerCell(); piece++) {
            if (!holds(piece)) {
                return false;
            }
        }
        return isHeaderReadable();
    }
}
