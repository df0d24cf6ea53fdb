package io.ashlar.coordinator.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.ShardRef;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Holds the code to the table in {@link KeyFormat}: written by hand, kept for ever. */
final class KeyFormatTest {
    private static final VolumeId VOLUME = new VolumeId(0x0102030405060708L, 0x1112131415161718L);
    private static final SegmentId SEGMENT =
            new SegmentId(0x2122232425262728L, 0x3132333435363738L);
    private static final DriveId DRIVE = new DriveId(0x4142434445464748L, 0x5152535455565758L);
    private static final ShardRef SHARD = ShardRef.newBuilder()
            .setSegment(SEGMENT.toProto())
            .setIndex(5)
            .setIncarnation(0x6162636465666768L)
            .setDrive(DRIVE.toProto())
            .build();

    private static final String VOLUME_HEX = "01020304050607081112131415161718";
    private static final String SEGMENT_HEX = "21222324252627283132333435363738";
    private static final String DRIVE_HEX = "41424344454647485152535455565758";

    private static void assertKey(byte[] key, String hex) {
        assertThat(HexFormat.of().formatHex(key)).isEqualTo(hex);
    }

    @Test
    void writesEveryKeyAsTheTableSays() {
        assertKey(KeyFormat.CLUSTER, "01");
        assertKey(KeyFormat.volume(VOLUME), "10" + VOLUME_HEX);
        assertKey(KeyFormat.volumeName("ab"), "116162");
        assertKey(KeyFormat.volumeLog(VOLUME, 9), "12" + VOLUME_HEX + "0000000000000009");
        assertKey(KeyFormat.unsealed(VOLUME, 9), "13" + VOLUME_HEX + "0000000000000009");
        assertKey(KeyFormat.deletedVolume(VOLUME), "14" + VOLUME_HEX);
        assertKey(KeyFormat.segment(SEGMENT), "20" + SEGMENT_HEX);
        assertKey(KeyFormat.driveShard(SHARD), "21" + DRIVE_HEX + SEGMENT_HEX + "00000005");
        assertKey(KeyFormat.weaker(SEGMENT), "22" + SEGMENT_HEX);
        assertKey(KeyFormat.loss(SEGMENT, 5), "23" + SEGMENT_HEX + "00000005");
        assertKey(KeyFormat.rebuild(SEGMENT, 5), "24" + SEGMENT_HEX + "00000005");
        assertKey(
                KeyFormat.doomed(SHARD),
                "25" + DRIVE_HEX + SEGMENT_HEX + "00000005" + "6162636465666768");
        assertKey(KeyFormat.segmentCount("rs-4-2"), "2672732d342d32");
        assertKey(KeyFormat.node("n1"), "306e31");
        assertKey(KeyFormat.drive(DRIVE), "31" + DRIVE_HEX);
        assertKey(KeyFormat.event(258), "400000000000000102");
        assertKey(KeyFormat.request(-1), "50ffffffffffffffff");
        assertKey(KeyFormat.requestOrder(3), "510000000000000003");
        assertKey(KeyFormat.REPAIR, "60");
        assertKey(KeyFormat.SCRUB, "61");
    }

    /** Every kind of key that there is, by the name of its tag; none is missing. */
    private static Map<String, byte[]> keys() {
        Map<String, byte[]> keys = new LinkedHashMap<>();
        keys.put("CLUSTER", KeyFormat.CLUSTER);
        keys.put("VOLUMES", KeyFormat.volume(VOLUME));
        keys.put("VOLUME_NAMES", KeyFormat.volumeName("ab"));
        keys.put("VOLUME_LOGS", KeyFormat.volumeLog(VOLUME, 9));
        keys.put("UNSEALED", KeyFormat.unsealed(VOLUME, 9));
        keys.put("DELETED_VOLUMES", KeyFormat.deletedVolume(VOLUME));
        keys.put("SEGMENTS", KeyFormat.segment(SEGMENT));
        keys.put("DRIVE_SHARDS", KeyFormat.driveShard(SHARD));
        keys.put("WEAKER", KeyFormat.weaker(SEGMENT));
        keys.put("LOSSES", KeyFormat.loss(SEGMENT, 5));
        keys.put("REBUILDS", KeyFormat.rebuild(SEGMENT, 5));
        keys.put("DOOMED", KeyFormat.doomed(SHARD));
        keys.put("SEGMENT_COUNTS", KeyFormat.segmentCount("rs-4-2"));
        keys.put("NODES", KeyFormat.node("n1"));
        keys.put("DRIVES", KeyFormat.drive(DRIVE));
        keys.put("EVENTS", KeyFormat.event(258));
        keys.put("REQUESTS", KeyFormat.request(-1));
        keys.put("REQUEST_ORDER", KeyFormat.requestOrder(3));
        keys.put("REPAIR", KeyFormat.REPAIR);
        keys.put("SCRUB", KeyFormat.SCRUB);
        return keys;
    }

    @Test
    void writesTheKeysOfTheGoldenFileOfVersionOne() throws IOException {
        List<String> lines = new ArrayList<>();
        keys().forEach((tag, key) -> lines.add(tag + " " + HexFormat.of().formatHex(key)));
        assertThat(lines).isEqualTo(golden());
    }

    private static List<String> golden() throws IOException {
        try (@Nullable InputStream in = KeyFormatTest.class.getResourceAsStream("keys-v1.txt")) {
            if (in == null) {
                throw new IOException("no golden file keys-v1.txt");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    /** The table, the golden file and the code name the same tags, and no tag begins another. */
    @Test
    void knowsAnExampleOfEveryTag() throws IllegalAccessException {
        Map<String, Byte> tags = new LinkedHashMap<>();
        for (Field field : KeyFormat.class.getDeclaredFields()) {
            if (field.getType() == byte[].class) {
                byte[] tag = (byte[]) field.get(null);
                assertThat(tag).as(field.getName()).hasSize(1);
                tags.put(field.getName(), tag[0]);
            }
        }
        assertThat(tags.keySet()).isEqualTo(keys().keySet());
        assertThat(tags.values()).doesNotHaveDuplicates();
        keys().forEach((tag, key) -> assertThat(key[0]).as(tag).isEqualTo(tags.get(tag)));
    }

    @Test
    void readsBackWhatItWrote() {
        assertThat(KeyFormat.segmentOf(KeyFormat.weaker(SEGMENT))).isEqualTo(SEGMENT);
        assertThat(KeyFormat.volumeOf(KeyFormat.deletedVolume(VOLUME))).isEqualTo(VOLUME);
        assertThat(KeyFormat.textOf(KeyFormat.segmentCount("rs-6-3"))).isEqualTo("rs-6-3");
    }

    @Test
    void keepsTheOrderOfNumbersInTheOrderOfBytes() {
        long[] ascending = {0, 1, 255, 256, 65_536, Integer.MAX_VALUE, 1L << 40, Long.MAX_VALUE};
        for (int i = 1; i < ascending.length; i++) {
            assertThat(Arrays.compareUnsigned(
                            KeyFormat.volumeLog(VOLUME, ascending[i - 1]),
                            KeyFormat.volumeLog(VOLUME, ascending[i])))
                    .isNegative();
        }
    }

    @Test
    void startsTheKeysOfOneOwnerWithItsPrefix() {
        assertThat(KeyFormat.startsWith(
                        KeyFormat.volumeLog(VOLUME, 1), KeyFormat.volumeLog(VOLUME)))
                .isTrue();
        assertThat(KeyFormat.startsWith(KeyFormat.driveShard(SHARD), KeyFormat.driveShards(DRIVE)))
                .isTrue();
        assertThat(KeyFormat.startsWith(KeyFormat.doomed(SHARD), KeyFormat.doomed(DRIVE)))
                .isTrue();
        assertThat(KeyFormat.startsWith(KeyFormat.loss(SEGMENT, 1), KeyFormat.losses(SEGMENT)))
                .isTrue();
        assertThat(KeyFormat.startsWith("a".getBytes(StandardCharsets.UTF_8), KeyFormat.node("a")))
                .isFalse();
    }
}
