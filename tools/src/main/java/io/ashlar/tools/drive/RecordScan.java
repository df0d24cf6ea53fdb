package io.ashlar.tools.drive;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.format.CellFormat.Cell;
import io.ashlar.client.format.CellFormat.Sizes;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;
import io.ashlar.node.PageFormat;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Finds the records in a file of a drive by their magic numbers alone. So it needs no catalogue, works
 * on what is damaged, and may run beside the node that serves the drive.
 */
public final class RecordScan {
    private RecordScan() {}

    /**
     * A place where a record begins.
     *
     * @param offset in the file
     * @param cell what its header says, or null where the header fails its check
     * @param badPieces pieces of the cell that fail theirs; 0 where there is no header to say
     */
    public record Found(long offset, Sizes sizes, @Nullable Cell cell, int badPieces) {}

    /** Hears of every record, in the order of the file. */
    public interface Visitor {
        void found(Found found) throws IOException;
    }

    /**
     * Visits the records of a file; the scan goes on behind each at its end.
     *
     * @return how many pages of an arena, which are no records, the file holds besides
     */
    public static long scan(Path file, Visitor visitor) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes =
                    channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            long at = 0;
            long pages = 0;
            while (at + CellFormat.ALIGN_BYTES <= bytes.byteSize()) {
                Found found = recordAt(bytes, at);
                if (found == null) {
                    pages += PageFormat.hasMagic(bytes.asSlice(at)) ? 1 : 0;
                    at += CellFormat.ALIGN_BYTES;
                } else {
                    visitor.found(found);
                    // A header that is wrong may lie about its sizes.
                    at += found.cell() == null
                            ? CellFormat.ALIGN_BYTES
                            : found.sizes().headerBytes() + found.sizes().cellBytes();
                }
            }
            return pages;
        }
    }

    private static @Nullable Found recordAt(MemorySegment bytes, long at) {
        MemorySegment rest = bytes.asSlice(at);
        Sizes sizes = CellFormat.sizes(rest);
        if (sizes == null) {
            return null;
        }
        Cell cell = CellFormat.read(rest);
        if (cell == null || rest.byteSize() < sizes.headerBytes() + sizes.cellBytes()) {
            return new Found(at, sizes, null, 0);
        }
        return new Found(at, sizes, cell, badPieces(rest, cell));
    }

    private static int badPieces(MemorySegment record, Cell cell) {
        Stripe.Geometry geometry = cell.stripe().geometry();
        int participant = geometry.participantIn(cell.role());
        int bad = 0;
        for (int piece = 0; piece < geometry.piecesPerCell(); piece++) {
            long from = geometry.headerBytes() + (long) piece * Stripe.PIECE_BYTES;
            if (Crc32c.of(record, from, Stripe.PIECE_BYTES)
                    != cell.stripe().pieceCrc(participant, piece)) {
                bad++;
            }
        }
        return bad;
    }
}
