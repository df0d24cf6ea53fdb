package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;

import org.apache.commons.codec.digest.PureJavaCrc32C;
import org.junit.jupiter.api.Test;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

class CellFormatTest {
    private static final int ROLE = 5;

    @Test
    void aHeaderReadsBackAsWritten() {
        CellFormat.Cell cell = read(header());
        Stripe expected = stripe();
        assertThat(cell.role()).isEqualTo(ROLE);
        assertThat(cell.stampBytes()).isEqualTo(12_288);
        assertThat(cell.stripe().sameAs(expected)).isTrue();
        assertThat(cell.stripe().links()).isEqualTo(expected.links());
        assertThat(cell.stripe().extents()).isEqualTo(expected.extents());
        assertThat(cell.stripe().blockCrcCount()).isEqualTo(2);
        assertThat(cell.stripe().blockCrc(1)).isEqualTo(0x1002);
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] header = header();
        ByteBuffer bytes = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        byte[] magic = new byte[8];
        bytes.get(0, magic);
        assertThat(new String(magic, java.nio.charset.StandardCharsets.US_ASCII))
                .isEqualTo("ASHLCELL");
        assertThat(bytes.getLong(8)).isEqualTo(12_288);
        assertThat(bytes.getInt(16)).isEqualTo(crc(header, 8, 8));
        assertThat(bytes.getInt(20)).isEqualTo(crc(header, 24, bytes.getInt(32) - 24));
        assertThat(bytes.getShort(24)).isEqualTo((short) 1);
        assertThat(bytes.get(26)).isEqualTo((byte) 1);
        assertThat(bytes.get(27)).isEqualTo((byte) ROLE);
        assertThat(bytes.getInt(28)).isEqualTo(4096);
        assertThat(bytes.getInt(32)).isEqualTo(176 + 2 * 24 + 2 * 4 + 4 * 4);
        assertThat(bytes.getInt(36)).isEqualTo(4096);
        assertThat(bytes.getLong(40)).isEqualTo(3);
        assertThat(bytes.getLong(48)).isEqualTo(4);
        assertThat(bytes.getLong(56)).isEqualTo(9);
        assertThat(bytes.getLong(64)).isEqualTo(73_728);
        assertThat(bytes.getLong(72)).isEqualTo(11);
        assertThat(bytes.getLong(80)).isEqualTo(1_700_000_000_000L);
        assertThat(bytes.getLong(88)).isEqualTo(5);
        assertThat(bytes.getLong(96)).isEqualTo(6);
        assertThat(bytes.getLong(104)).isEqualTo(1 << 20);
        assertThat(bytes.getLong(112)).isEqualTo(3);
        assertThat(bytes.getLong(120)).isEqualTo(4);
        assertThat(bytes.getLong(128)).isEqualTo(8);
        assertThat(bytes.getLong(136)).isEqualTo(65_536);
        assertThat(bytes.getLong(144)).isEqualTo(1);
        assertThat(bytes.getLong(152)).isEqualTo(2);
        assertThat(new byte[] {bytes.get(160), bytes.get(161), bytes.get(162), bytes.get(163)})
                .isEqualTo(new byte[] {2, 4, 2, 0});
        assertThat(bytes.getInt(164)).isEqualTo(2);
        assertThat(bytes.getInt(168)).isEqualTo(2);
        assertThat(bytes.getInt(172)).isEqualTo(4);
        assertThat(bytes.getLong(176)).isEqualTo(100);
        assertThat(bytes.getInt(184)).isEqualTo(2);
        assertThat(bytes.getInt(188)).isEqualTo(0);
        assertThat(bytes.getInt(192)).isEqualTo(8192);
        assertThat(bytes.getInt(196)).isEqualTo(0);
        assertThat(bytes.get(200 + 20)).isEqualTo((byte) 1);
        assertThat(bytes.getInt(224)).isEqualTo(0x1001);
        assertThat(bytes.getInt(232)).isEqualTo(0x2001);
    }

    @Test
    void aHeaderTellsWhatItsStripeHolds() {
        for (Stripe.Type type : Stripe.Type.values()) {
            byte[] header = new byte[4096];
            CellFormat.write(stripe(type), ROLE, MemorySegment.ofArray(header));
            assertThat(header[26]).isEqualTo((byte) type.code());
            assertThat(read(header).stripe().type()).isEqualTo(type);
        }
        byte[] later = header();
        later[26] = 99;
        ByteBuffer bytes = ByteBuffer.wrap(later).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(20, crc(later, 24, bytes.getInt(32) - 24));
        assertThat(CellFormat.read(MemorySegment.ofArray(later))).isNull();
    }

    @Test
    void anyFlippedBitOfTheUsedHeaderIsNoticed() {
        byte[] header = header();
        int used = 176 + 2 * 24 + 2 * 4 + 4 * 4;
        for (int bit = 20 * 8; bit < used * 8; bit++) {
            header[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThat(CellFormat.read(MemorySegment.ofArray(header)))
                    .as("bit %d", bit)
                    .isNull();
            header[bit / 8] ^= (byte) (1 << (bit % 8));
        }
    }

    @Test
    void aDamagedStampClaimsNothingAndLeavesTheRecordValid() {
        byte[] header = header();
        for (int bit = 8 * 8; bit < 20 * 8; bit++) {
            header[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThat(read(header).stampBytes()).as("bit %d", bit).isZero();
            header[bit / 8] ^= (byte) (1 << (bit % 8));
        }
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        try (InputStream golden = CellFormatTest.class.getResourceAsStream("/cell-v1.bin")) {
            assertThat(golden).as("cell-v1.bin among the test resources").isNotNull();
            assertThat(golden.readAllBytes()).isEqualTo(header());
        }
    }

    private static CellFormat.Cell read(byte[] header) {
        CellFormat.Cell cell = CellFormat.read(MemorySegment.ofArray(header));
        if (cell == null) {
            throw new AssertionError("a right header was refused");
        }
        return cell;
    }

    private static int crc(byte[] bytes, int from, int length) {
        PureJavaCrc32C crc = new PureJavaCrc32C();
        crc.update(bytes, from, length);
        return (int) crc.getValue();
    }

    private static byte[] header() {
        byte[] header = new byte[4096];
        CellFormat.write(stripe(), ROLE, MemorySegment.ofArray(header));
        CellFormat.stamp(MemorySegment.ofArray(header), 12_288);
        return header;
    }

    private static Stripe stripe() {
        return stripe(Stripe.Type.DATA);
    }

    private static Stripe stripe(Stripe.Type type) {
        SegmentId segment = new SegmentId(3, 4);
        return new Stripe(
                type,
                new Stripe.Identity(new VolumeId(1, 2), segment, 9, 73_728, 11),
                new Stripe.Links(
                        new SegmentId(5, 6),
                        1 << 20,
                        new LogPosition(segment, 8, 65_536),
                        1_700_000_000_000L),
                new Stripe.Geometry(new Policy(4, 2), 2, 4096, 4096),
                List.of(
                        new Extent(100, 2, 0, 8192, Extent.Kind.DATA, Extent.Codec.RAW),
                        new Extent(500, 64, 8192, 0, Extent.Kind.ZERO, Extent.Codec.RAW)),
                new int[] {0x1001, 0x1002},
                new int[] {0x2001, 0x2002, 0x2003, 0x2004});
    }
}
