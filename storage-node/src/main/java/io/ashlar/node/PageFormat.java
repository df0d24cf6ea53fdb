package io.ashlar.node;

import io.ashlar.client.model.DriveId;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/**
 * A page of an arena's catalogue: 4096 bytes, kept twice so that a torn or rotten one leaves the
 * other. Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     4  CRC32C of [4, 4096)
 *      4     4  magic "ASHP"
 *      8     2  format version
 *     10     1  kind: 0 free, 1 superblock, 2 drive state, 3 fences, 4 shard
 *     11     1  zero
 *     12     4  page number
 *     16    16  drive
 *     32     8  generation: of two copies the greater counts
 *     40    24  zero
 *     64  4032  body: see {@link SuperblockFormat}, {@link DriveStateFormat}, {@link FencesFormat},
 *               {@link ShardEntryFormat}
 * </pre>
 */
public final class PageFormat {
    static final int PAGE_BYTES = 4096;
    static final int BODY_AT = 64;
    static final int MAGIC = 0x50485341;
    static final int VERSION = 1;

    private static final int KIND_AT = 10;
    private static final int GENERATION_AT = 32;

    private PageFormat() {}

    /** What a page's body is. */
    enum Kind {
        FREE(0),
        SUPERBLOCK(1),
        STATE(2),
        FENCES(3),
        SHARD(4);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        static @Nullable Kind ofCode(int code) {
            return switch (code) {
                case 0 -> FREE;
                case 1 -> SUPERBLOCK;
                case 2 -> STATE;
                case 3 -> FENCES;
                case 4 -> SHARD;
                default -> null;
            };
        }
    }

    /** Everything of a page but its body. */
    record Head(Kind kind, int page, DriveId drive, long generation) {}

    /** Writes head and CRC around a body that is already in its place; the gaps become zero. */
    static void write(Head head, MemorySegment page) {
        page.asSlice(0, BODY_AT).fill((byte) 0);
        page.set(Little.INT, 4, MAGIC);
        page.set(Little.SHORT, 8, (short) VERSION);
        page.set(Little.BYTE, KIND_AT, (byte) head.kind().code);
        page.set(Little.INT, 12, head.page());
        page.set(Little.LONG, 16, head.drive().high());
        page.set(Little.LONG, 24, head.drive().low());
        page.set(Little.LONG, GENERATION_AT, head.generation());
        page.set(Little.INT, 0, Crc32c.of(page, 4, PAGE_BYTES - 4));
    }

    /** Whether the bytes were meant to be a page, right or not. */
    public static boolean hasMagic(MemorySegment page) {
        return page.get(Little.INT, 4) == MAGIC;
    }

    /** The head of a page that is whole and right, else null. */
    static @Nullable Head read(MemorySegment page) {
        if (!hasMagic(page) || page.get(Little.INT, 0) != Crc32c.of(page, 4, PAGE_BYTES - 4)) {
            return null;
        }
        Kind kind = Kind.ofCode(page.get(Little.BYTE, KIND_AT));
        if (version(page) != VERSION || kind == null) {
            return null;
        }
        return new Head(
                kind,
                page.get(Little.INT, 12),
                new DriveId(page.get(Little.LONG, 16), page.get(Little.LONG, 24)),
                page.get(Little.LONG, GENERATION_AT));
    }

    /** The format version that a page claims to have. */
    static int version(MemorySegment page) {
        return Short.toUnsignedInt(page.get(Little.SHORT, 8));
    }
}
