package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import org.apache.commons.codec.digest.PureJavaCrc32C;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

class MapRootFormatTest {
    private static MapRoot root() {
        var geometry = new Stripe.Geometry(new Policy(4, 2), 2, 4096, 4096);
        var pages = new MapRoot.Pages(new SegmentId(3, 4), 9, 73_728, geometry, 1, List.of(0x31));
        return new MapRoot(
                1 << 20,
                new LogPosition(new SegmentId(5, 6), 7, 8192),
                List.of(
                        new MapRoot.Run(1, false, 100, 3, List.of(pages)),
                        new MapRoot.Run(1, true, 2000, 40, List.of(pages, pages))));
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] root = MapRootFormat.write(root());
        ByteBuffer bytes = ByteBuffer.wrap(root).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(root, 0, 8, StandardCharsets.US_ASCII)).isEqualTo("ASHLROOT");
        PureJavaCrc32C crc = new PureJavaCrc32C();
        crc.update(root, 12, root.length - 12);
        assertThat(bytes.getInt(8)).isEqualTo((int) crc.getValue());
        assertThat(bytes.getInt(12)).isEqualTo(root.length).isEqualTo(64 + 2 * 20 + 3 * 56);
        assertThat(bytes.getShort(16)).isEqualTo((short) 1);
        assertThat(bytes.getShort(18)).isEqualTo((short) 2);
        assertThat(bytes.getLong(24)).isEqualTo(1 << 20);
        assertThat(bytes.getLong(32)).isEqualTo(5);
        assertThat(bytes.getLong(40)).isEqualTo(6);
        assertThat(bytes.getLong(48)).isEqualTo(7);
        assertThat(bytes.getLong(56)).isEqualTo(8192);
        int run = 64 + 20 + 56;
        assertThat(bytes.getShort(run)).isEqualTo((short) 1);
        assertThat(bytes.get(run + 2)).isEqualTo((byte) 1);
        assertThat(bytes.getInt(run + 4)).isEqualTo(40);
        assertThat(bytes.getLong(run + 8)).isEqualTo(2000);
        assertThat(bytes.getInt(run + 16)).isEqualTo(2);
        int group = run + 20;
        assertThat(bytes.getLong(group)).isEqualTo(3);
        assertThat(bytes.getLong(group + 8)).isEqualTo(4);
        assertThat(bytes.getLong(group + 16)).isEqualTo(9);
        assertThat(bytes.getLong(group + 24)).isEqualTo(73_728);
        assertThat(bytes.get(group + 32)).isEqualTo((byte) 4);
        assertThat(bytes.get(group + 34)).isEqualTo((byte) 2);
        assertThat(bytes.getInt(group + 44)).isEqualTo(1);
        assertThat(bytes.getInt(group + 48)).isEqualTo(1);
        assertThat(bytes.getInt(group + 52)).isEqualTo(0x31);
    }

    @Test
    void readsBackAsWrittenWithZeroesBehindIt() throws Exception {
        byte[] root = MapRootFormat.write(root());
        assertThat(MapRootFormat.read(root)).isEqualTo(root());
        assertThat(MapRootFormat.read(Arrays.copyOf(root, 4096))).isEqualTo(root());
        MapRoot empty = MapRoot.empty(5);
        assertThat(MapRootFormat.read(MapRootFormat.write(empty))).isEqualTo(empty);
    }

    @Test
    void anyFlippedBitIsNoticed() {
        byte[] root = MapRootFormat.write(root());
        for (int bit = 0; bit < root.length * 8; bit++) {
            root[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThatThrownBy(() -> MapRootFormat.read(root))
                    .as("bit %d", bit)
                    .isInstanceOf(AshlarException.Corrupt.class);
            root[bit / 8] ^= (byte) (1 << (bit % 8));
        }
    }

    @Test
    void aNewerVersionIsIncompatible() {
        byte[] root = MapRootFormat.write(root());
        root[16] = 2;
        PureJavaCrc32C crc = new PureJavaCrc32C();
        crc.update(root, 12, root.length - 12);
        ByteBuffer.wrap(root).order(ByteOrder.LITTLE_ENDIAN).putInt(8, (int) crc.getValue());
        assertThatThrownBy(() -> MapRootFormat.read(root))
                .isInstanceOf(AshlarException.Incompatible.class);
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        assertThat(Golden.bytes("map-root-v1.bin")).isEqualTo(MapRootFormat.write(root()));
    }
}
