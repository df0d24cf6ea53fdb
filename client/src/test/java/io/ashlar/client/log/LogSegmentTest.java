package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.Address;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;

import org.junit.jupiter.api.Test;

import java.util.List;

class LogSegmentTest {
    private final ShardPlaces places = new ShardPlaces();

    private static ShardRef ref(SegmentId id, int index, int node) {
        return ShardRef.newBuilder()
                .setSegment(id.toProto())
                .setIndex(index)
                .setIncarnation(100 * id.low() + index)
                .setDrive(Id.newBuilder().setLow(node))
                .build();
    }

    /** As it is read from the wire: no two have an object in common. */
    private static Segment told(int number, int firstNode) throws Exception {
        SegmentId id = new SegmentId(7, number);
        Segment.Builder made = Segment.newBuilder().setId(id.toProto()).setPolicy("rs-4-2");
        for (int i = 0; i < 6; i++) {
            int node = firstNode + i;
            made.addPlacements(Placement.newBuilder()
                    .setShard(ref(id, i, node))
                    .setNode("n" + node)
                    .setAddress("host" + node + ":7500"));
        }
        return Segment.parseFrom(made.build().toByteArray());
    }

    @Test
    void tellsItsShardsAsTheyWereTold() throws Exception {
        LogSegment segment = LogSegment.of(told(3, 10), places);
        for (int i = 0; i < 6; i++) {
            LogSegment.Shard shard = segment.shards().get(i);
            assertThat(shard).isEqualTo(segment.shard(i));
            assertThat(shard.ref()).isEqualTo(ref(segment.id(), i, 10 + i));
            assertThat(shard.node()).isEqualTo("n" + (10 + i));
            assertThat(shard.address()).contains(new Address("host" + (10 + i), 7500));
        }
    }

    /** There are few drives, and many segments. */
    @Test
    void segmentsShareThePlacesOfTheirShards() throws Exception {
        LogSegment one = LogSegment.of(told(1, 0), places);
        LogSegment other = LogSegment.of(told(2, 3), places);
        assertThat(other.shard(0).place()).isSameAs(one.shard(3).place());
        other.moveTo(told(2, 0), List.of());
        for (int i = 0; i < 6; i++) {
            assertThat(other.shard(i).place()).isSameAs(one.shard(i).place());
        }
    }
}
