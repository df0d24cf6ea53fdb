package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

class MapPageFormatTest {

    /** An entry as a value. */
    private record Read(
            MapEntry.Kind kind,
            long firstBlock,
            long blockCount,
            int segment,
            int geometry,
            long number,
            long offset,
            int piece,
            List<Integer> crcs) {}

    private static MapEntry entry(MapEntry.Kind kind, long first, long count) {
        MapEntry entry = new MapEntry();
        entry.kind = kind;
        entry.firstBlock = first;
        entry.blockCount = count;
        return entry;
    }

    private static MapEntry stored(long first, int count) {
        MapEntry entry = entry(MapEntry.Kind.STORED, first, count);
        entry.segmentIndex = 300;
        entry.geometryIndex = 2;
        entry.stripeNumber = 5000;
        entry.stripeOffset = 4096L * 20_000;
        entry.firstPiece = 9;
        entry.crcs = new int[count + 1];
        Arrays.setAll(entry.crcs, i -> 0x01020304 + i);
        entry.crcAt = 1;
        return entry;
    }

    private static byte[] page() {
        MapPageFormat.Writer writer = new MapPageFormat.Writer();
        assertThat(writer.add(stored(1000, 1))).isEqualTo(1);
        assertThat(writer.add(stored(1003, 2))).isEqualTo(2);
        assertThat(writer.add(entry(MapEntry.Kind.ZERO, 1005, 200))).isEqualTo(1);
        assertThat(writer.add(entry(MapEntry.Kind.LOST, 2000, 1))).isEqualTo(1);
        return writer.finish();
    }

    private static List<Read> read(byte[] page, long first) throws AshlarException.Corrupt {
        List<Read> entries = new ArrayList<>();
        MapPageFormat.Cursor cursor = new MapPageFormat.Cursor();
        cursor.open(page, first);
        while (cursor.next()) {
            entries.add(value(cursor.entry()));
        }
        return entries;
    }

    private static Read value(MapEntry entry) {
        boolean stored = entry.kind == MapEntry.Kind.STORED;
        List<Integer> crcs = new ArrayList<>();
        for (int i = 0; stored && i < entry.blockCount; i++) {
            crcs.add(entry.crcs[entry.crcAt + i]);
        }
        return new Read(
                entry.kind,
                entry.firstBlock,
                entry.blockCount,
                stored ? entry.segmentIndex : 0,
                stored ? entry.geometryIndex : 0,
                stored ? entry.stripeNumber : 0,
                stored ? entry.stripeOffset : 0,
                stored ? entry.firstPiece : 0,
                crcs);
    }

    @Test
    void entriesReadBackAsWritten() throws Exception {
        assertThat(read(page(), 1000))
                .containsExactly(
                        value(stored(1000, 1)),
                        value(stored(1003, 2)),
                        value(entry(MapEntry.Kind.ZERO, 1005, 200)),
                        value(entry(MapEntry.Kind.LOST, 2000, 1)));
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] page = page();
        ByteBuffer bytes = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(page, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("AMPG");
        assertThat(bytes.getShort(4)).isEqualTo((short) 1);
        assertThat(bytes.getShort(6)).isEqualTo((short) 4);
        assertThat(bytes.getLong(16)).isEqualTo(1000);
        byte[] first = {0, (byte) 0xAC, 2, 2, (byte) 0x88, 39, (byte) 0xA0, (byte) 0x9C, 1, 9};
        assertThat(Arrays.copyOfRange(page, 24, 34)).isEqualTo(first);
        assertThat(bytes.getInt(34)).isEqualTo(0x01020305);
        assertThat(page[38]).as("gap 2, kind 1").isEqualTo((byte) 9);
        assertThat(page[39]).as("count").isEqualTo((byte) 2);
        int zero = 38 + 2 + 9 + 8;
        byte[] zeroes = {2, (byte) 0xC8, 1};
        assertThat(Arrays.copyOfRange(page, zero, zero + 3)).isEqualTo(zeroes);
        byte[] lost = {(byte) ((795 * 4 + 3) % 128 + 128), 795 * 4 / 128, 1};
        assertThat(Arrays.copyOfRange(page, zero + 3, zero + 6)).isEqualTo(lost);
        assertThat(bytes.getShort(8)).isEqualTo((short) (zero + 6));
        assertThat(Arrays.copyOfRange(page, zero + 6, 4096)).containsOnly(0);
    }

    @Test
    void aLongEntryIsCutWhereThePageEnds() throws Exception {
        MapPageFormat.Writer writer = new MapPageFormat.Writer();
        MapEntry entry = stored(0, 5000);
        int pages = 0;
        long blocks = 0;
        List<Integer> crcs = new ArrayList<>();
        while (blocks < 5000) {
            int added = writer.add(entry);
            assertThat(added).isPositive();
            long first = entry.firstBlock;
            blocks += added;
            byte[] page = writer.finish();
            read(page, first).forEach(read -> crcs.addAll(read.crcs));
            pages++;
            if (blocks < 5000) {
                entry.trimTo(first + added);
            }
        }
        assertThat(pages).isEqualTo(5);
        assertThat(crcs).isEqualTo(value(stored(0, 5000)).crcs);
    }

    @Test
    void aRandomBlockTakesAtMost16Bytes() {
        Random random = new Random(1);
        MapPageFormat.Writer writer = new MapPageFormat.Writer();
        MapEntry entry = stored(0, 1);
        int entries = 0;
        long block = 0;
        while (true) {
            entry.firstBlock = block;
            entry.segmentIndex = random.nextInt(4096);
            entry.geometryIndex = random.nextInt(20);
            entry.stripeNumber = random.nextInt(2000);
            entry.stripeOffset = 4096L * random.nextInt(16_384);
            entry.firstPiece = random.nextInt(32);
            if (writer.add(entry) == 0) {
                break;
            }
            entries++;
            block += 1 + random.nextInt(500);
        }
        assertThat(4096.0 / entries).isLessThan(16);
    }

    @Test
    void malformedPagesAreCorruptAndNeverMore() {
        byte[] right = page();
        Random random = new Random(2);
        int refused = 0;
        for (int i = 0; i < 200_000; i++) {
            byte[] page = right.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                page[random.nextInt(90)] = (byte) random.nextInt(256);
            }
            try {
                read(page, 1000);
            } catch (AshlarException.Corrupt e) {
                refused++;
            }
        }
        assertThat(refused).isPositive();
    }

    @Test
    void aPageOfAnotherPlaceIsRefused() {
        assertThatThrownBy(() -> read(page(), 1001)).isInstanceOf(AshlarException.Corrupt.class);
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        assertThat(Golden.bytes("map-page-v1.bin")).isEqualTo(page());
    }
}
