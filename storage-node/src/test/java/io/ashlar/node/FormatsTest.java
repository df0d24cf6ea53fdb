package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;

/** Holds the tables of a drive's formats to the code, and the code to what it once wrote. */
class FormatsTest {
    private static final DriveId DRIVE = new DriveId(0x1112131415161718L, 0x2122232425262728L);
    private static final ArenaLayout LAYOUT = new ArenaLayout(1 << 20, 23, 24, 16);
    private static final DriveStateFormat.DriveState STATE = new DriveStateFormat.DriveState(
            true,
            Authority.newBuilder()
                    .setGeneration(3)
                    .setTerm(4)
                    .setAppliedIndex(5)
                    .build(),
            new DriveId(6, 7));
    private static final FencesFormat.Fences FENCES = new FencesFormat.Fences(
            9,
            List.of(
                    new FencesFormat.Fence(new SegmentId(1, 2), 3),
                    new FencesFormat.Fence(new SegmentId(4, 5), 6)));
    private static final ShardEntry ENTRY = new ShardEntry(
            new ShardKey(new SegmentId(0x31, 0x32), 5, 0x33),
            new VolumeId(0x34, 0x35),
            0x36,
            0x37,
            new Policy(10, 4),
            0x38000,
            new ShardEntry.Run(0x39, 0x3a),
            0x3b,
            new ShardEntry.Seal(0x3c000, 0x3d, 0x3e),
            true,
            true);

    private static MemorySegment page(PageFormat.Kind kind, int number) {
        MemorySegment page = MemorySegment.ofArray(new byte[PageFormat.PAGE_BYTES]);
        switch (kind) {
            case FREE -> {}
            case SUPERBLOCK -> SuperblockFormat.write(LAYOUT, page);
            case STATE -> DriveStateFormat.write(STATE, page);
            case FENCES -> FencesFormat.write(FENCES, page);
            case SHARD -> ShardEntryFormat.write(ENTRY, page);
        }
        PageFormat.write(new PageFormat.Head(kind, number, DRIVE, 77), page);
        return page;
    }

    @Test
    void pagesAreAsTheTableSays() {
        MemorySegment page = page(PageFormat.Kind.SHARD, 18);
        assertThat(new String(page.asSlice(4, 4).toArray(Little.BYTE), StandardCharsets.US_ASCII))
                .isEqualTo("ASHP");
        assertThat(page.get(Little.SHORT, 8)).isEqualTo((short) 1);
        assertThat(page.get(Little.BYTE, 10)).isEqualTo((byte) 4);
        assertThat(page.get(Little.INT, 12)).isEqualTo(18);
        assertThat(page.get(Little.LONG, 16)).isEqualTo(DRIVE.high());
        assertThat(page.get(Little.LONG, 24)).isEqualTo(DRIVE.low());
        assertThat(page.get(Little.LONG, 32)).isEqualTo(77);
        assertThat(PageFormat.read(page))
                .isEqualTo(new PageFormat.Head(PageFormat.Kind.SHARD, 18, DRIVE, 77));
    }

    @Test
    void everyByteOfAPageIsCovered() {
        for (int at = 0; at < PageFormat.PAGE_BYTES; at++) {
            MemorySegment page = page(PageFormat.Kind.SHARD, 18);
            page.set(Little.BYTE, at, (byte) (page.get(Little.BYTE, at) ^ 4));
            assertThat(PageFormat.read(page)).as("byte " + at).isNull();
        }
    }

    @Test
    void superblocksAreAsTheTableSays() {
        MemorySegment page = page(PageFormat.Kind.SUPERBLOCK, 0);
        assertThat(page.get(Little.LONG, 64)).isEqualTo(1 << 20);
        assertThat(page.get(Little.INT, 72)).isEqualTo(23);
        assertThat(page.get(Little.INT, 76)).isEqualTo(24);
        assertThat(page.get(Little.INT, 80)).isEqualTo(16);
        assertThat(SuperblockFormat.read(page)).isEqualTo(LAYOUT);
    }

    @Test
    void driveStatesAreAsTheTableSays() {
        MemorySegment page = page(PageFormat.Kind.STATE, 1);
        assertThat(page.get(Little.BYTE, 64)).isEqualTo((byte) 1);
        assertThat(page.get(Little.LONG, 72)).isEqualTo(3);
        assertThat(page.get(Little.LONG, 80)).isEqualTo(4);
        assertThat(page.get(Little.LONG, 88)).isEqualTo(5);
        assertThat(page.get(Little.LONG, 96)).isEqualTo(6);
        assertThat(page.get(Little.LONG, 104)).isEqualTo(7);
        assertThat(DriveStateFormat.read(page)).isEqualTo(STATE);
    }

    @Test
    void fencesAreAsTheTableSays() {
        MemorySegment page = page(PageFormat.Kind.FENCES, 2);
        assertThat(page.get(Little.INT, 64)).isEqualTo(2);
        assertThat(page.get(Little.LONG, 72)).isEqualTo(9);
        assertThat(page.get(Little.LONG, 80)).isEqualTo(1);
        assertThat(page.get(Little.LONG, 120)).isEqualTo(6);
        assertThat(FencesFormat.read(page)).isEqualTo(FENCES);
        assertThat(80 + 24 * FencesFormat.MAX_FENCES).isLessThanOrEqualTo(4096);
    }

    @Test
    void shardEntriesAreAsTheTableSays() {
        MemorySegment page = page(PageFormat.Kind.SHARD, 18);
        assertThat(page.get(Little.LONG, 64)).isEqualTo(0x31);
        assertThat(page.get(Little.LONG, 72)).isEqualTo(0x32);
        assertThat(page.get(Little.LONG, 80)).isEqualTo(0x34);
        assertThat(page.get(Little.LONG, 88)).isEqualTo(0x35);
        assertThat(page.get(Little.LONG, 96)).isEqualTo(0x33);
        assertThat(page.get(Little.INT, 104)).isEqualTo(5);
        assertThat(page.get(Little.BYTE, 108)).isEqualTo((byte) 10);
        assertThat(page.get(Little.BYTE, 109)).isEqualTo((byte) 4);
        assertThat(page.get(Little.BYTE, 110)).isEqualTo((byte) 7);
        assertThat(page.get(Little.LONG, 112)).isEqualTo(0x36);
        assertThat(page.get(Little.LONG, 120)).isEqualTo(0x37);
        assertThat(page.get(Little.LONG, 128)).isEqualTo(0x38000);
        assertThat(page.get(Little.INT, 136)).isEqualTo(0x39);
        assertThat(page.get(Little.INT, 140)).isEqualTo(0x3a);
        assertThat(page.get(Little.LONG, 144)).isEqualTo(0x3b);
        assertThat(page.get(Little.LONG, 152)).isEqualTo(0x3c000);
        assertThat(page.get(Little.LONG, 160)).isEqualTo(0x3d);
        assertThat(page.get(Little.INT, 168)).isEqualTo(0x3e);
        assertThat(ShardEntryFormat.read(page)).isEqualTo(ENTRY);
    }

    @Test
    void readsTheGoldenFileOfVersionOne() throws IOException {
        byte[] golden = golden("catalogue-v1.bin");
        MemorySegment all = MemorySegment.ofArray(golden);
        List<PageFormat.Kind> kinds = List.of(
                PageFormat.Kind.SUPERBLOCK,
                PageFormat.Kind.STATE,
                PageFormat.Kind.FENCES,
                PageFormat.Kind.SHARD,
                PageFormat.Kind.FREE);
        assertThat(golden).hasSize(kinds.size() * PageFormat.PAGE_BYTES);
        for (int i = 0; i < kinds.size(); i++) {
            MemorySegment page =
                    all.asSlice((long) i * PageFormat.PAGE_BYTES, PageFormat.PAGE_BYTES);
            assertThat(page.mismatch(page(kinds.get(i), i)))
                    .as(kinds.get(i).name())
                    .isEqualTo(-1);
        }
    }

    @Test
    void identitiesAreAsTheTableSays() {
        byte[] bytes = IdentityFormat.write(new IdentityFormat.Identity(DRIVE, "n1"));
        String[] lines = new String(bytes, StandardCharsets.UTF_8).split("\n", -1);
        String covered = lines[0] + "\n" + lines[1] + "\n" + lines[2] + "\n";
        int crc = Crc32c.of(covered.getBytes(StandardCharsets.UTF_8));
        assertThat(lines)
                .containsExactly(
                        "ashlar-drive 1",
                        "drive 11121314151617182122232425262728",
                        "node n1",
                        "crc32c " + HexFormat.of().toHexDigits(crc),
                        "");
    }

    @Test
    void readsTheGoldenIdentityOfVersionOne() throws IOException {
        var identity = new IdentityFormat.Identity(DRIVE, "n1");
        byte[] golden = golden("identity-v1.txt");
        assertThat(IdentityFormat.read(golden, "d")).isEqualTo(identity);
        assertThat(IdentityFormat.write(identity)).isEqualTo(golden);
    }

    private static byte[] golden(String name) throws IOException {
        try (@Nullable InputStream in = FormatsTest.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("no golden file " + name);
            }
            return in.readAllBytes();
        }
    }

    @Test
    void refusesIdentitiesThatAreNewerOrDamaged() {
        byte[] bytes = IdentityFormat.write(new IdentityFormat.Identity(DRIVE, "n1"));
        String text = new String(bytes, StandardCharsets.UTF_8);
        assertRefused(text.replace("drive 1112", "drive 2112"), AshlarException.Corrupt.class);
        assertRefused(text.replace("n1", "n2"), AshlarException.Corrupt.class);
        assertRefused("", AshlarException.Corrupt.class);
        assertRefused(text + "x", AshlarException.Corrupt.class);
        assertRefused(
                text.replace("ashlar-drive 1", "ashlar-drive 2"),
                AshlarException.Incompatible.class);
    }

    private static void assertRefused(String text, Class<? extends AshlarException> kind) {
        assertThatThrownBy(() -> IdentityFormat.read(text.getBytes(StandardCharsets.UTF_8), "d"))
                .isInstanceOf(kind);
    }
}
