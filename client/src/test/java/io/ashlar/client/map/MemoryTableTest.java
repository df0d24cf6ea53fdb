package io.ashlar.client.map;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.Random;

class MemoryTableTest {
    private static final int BLOCKS = 3000;
    private static final Stripe.Geometry GEOMETRY =
            new Stripe.Geometry(new Policy(4, 2), 4, 4096, 1 << 20);

    private final FakeLoop loop = new FakeLoop();
    private final FakeMapStore segments = new FakeMapStore(loop, new Random(1));
    private final MemoryTable table = new MemoryTable();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void saysWhatAnArrayWouldSay(long seed) throws Exception {
        Random random = new Random(seed);
        LogSegment[] some = {segments.newSegment(), segments.newSegment(), segments.newSegment()};
        long[] expected = new long[BLOCKS];
        int longest = 1 + (int) seed * 20;
        for (int i = 0; i < 4000; i++) {
            int count = 1 + random.nextInt(longest);
            int first = random.nextInt(BLOCKS - count);
            switch (random.nextInt(6)) {
                case 0 -> {
                    table.putZero(first, count);
                    Arrays.fill(expected, first, first + count, -1);
                }
                case 1 -> {
                    table.putLost(first, count);
                    Arrays.fill(expected, first, first + count, -2);
                }
                default -> {
                    int piece = random.nextInt(5);
                    int[] crcs = random.ints(piece + count).toArray();
                    int segment = random.nextInt(some.length);
                    var stripe = table.stripe(some[segment], i, i * 4096L, GEOMETRY, crcs);
                    table.putStored(stripe, first, count, piece);
                    for (int j = 0; j < count; j++) {
                        expected[first + j] = pointer(segment, i, piece + j, crcs[piece + j]);
                    }
                }
            }
            if (i % 100 == 0) {
                expect(expected, some, 0);
                expect(expected, some, random.nextInt(BLOCKS));
            }
        }
    }

    private static long pointer(int segment, long number, int piece, int crc) {
        return 1 + (crc & 0xFFFFL) + ((long) piece << 16) + (number << 32) + ((long) segment << 60);
    }

    private void expect(long[] expected, LogSegment[] some, int from) throws Exception {
        long[] found = new long[BLOCKS];
        long[] blocks = new long[some.length];
        long entries = 0;
        EntryCursor cursor = table.cursor(from);
        while (cursor.next() == EntryCursor.Move.READY) {
            MapEntry entry = cursor.entry();
            entries++;
            assertThat(entry.endBlock()).isGreaterThan(from);
            for (int i = 0; i < entry.blockCount; i++) {
                int block = (int) entry.firstBlock + i;
                assertThat(found[block]).as("block %d twice", block).isZero();
                found[block] = switch (entry.kind) {
                    case ZERO -> -1;
                    case LOST -> -2;
                    case STORED -> {
                        int segment =
                                Arrays.asList(some).indexOf(cursor.segment(entry.segmentIndex));
                        blocks[segment]++;
                        assertThat(cursor.geometry(entry.geometryIndex)).isEqualTo(GEOMETRY);
                        yield pointer(
                                segment,
                                entry.stripeNumber,
                                entry.firstPiece + i,
                                entry.crcs[entry.crcAt + i]);
                    }
                };
            }
        }
        assertThat(Arrays.copyOfRange(found, from, BLOCKS))
                .isEqualTo(Arrays.copyOfRange(expected, from, BLOCKS));
        if (from == 0) {
            assertThat(table.entryCount()).isEqualTo(entries);
            assertThat(table.lostBlocks())
                    .isEqualTo(Arrays.stream(expected).filter(one -> one == -2).count());
            for (MemoryTable.TableSegment segment : table.segments()) {
                int index = Arrays.asList(some).indexOf(segment.segment);
                assertThat(segment.blocks).isEqualTo(blocks[index]);
            }
        }
    }

    @Test
    void randomBlocksTakeFewBytesEach() {
        LogSegment segment = segments.newSegment();
        Random random = new Random(3);
        long before = table.memoryBytes();
        for (int i = 0; i < 20_000; i++) {
            var stripe = table.stripe(
                    segment, i, i * 4096L, GEOMETRY, random.ints(32).toArray());
            for (int piece = 0; piece < 32; piece++) {
                table.putStored(stripe, random.nextInt(1 << 28), 1, piece);
            }
        }
        double each = (double) (table.memoryBytes() - before) / table.entryCount();
        assertThat(each).isBetween(20.0, 45.0);
    }

    @Test
    void whatIsOverwrittenGivesItsBytesBack() {
        LogSegment segment = segments.newSegment();
        long before = table.memoryBytes();
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 10_000; i++) {
                var stripe = table.stripe(segment, i, i * 4096L, GEOMETRY, new int[] {i});
                table.putStored(stripe, (i * 7919L) % 10_007, 1, 0);
            }
            table.putZero(0, 20_000);
        }
        assertThat(table.entryCount()).isEqualTo(1);
        assertThat(table.memoryBytes() - before).isLessThan(8192);
    }
}
