package io.ashlar.coordinator.metadata;

import static io.ashlar.coordinator.metadata.TestCommands.SHARDS;
import static io.ashlar.coordinator.metadata.TestCommands.VOLUME;
import static io.ashlar.coordinator.metadata.TestCommands.createSegment;
import static io.ashlar.coordinator.metadata.TestCommands.createVolume;
import static io.ashlar.coordinator.metadata.TestCommands.open;
import static io.ashlar.coordinator.metadata.TestCommands.openSegment;
import static io.ashlar.coordinator.metadata.TestCommands.seal;
import static io.ashlar.coordinator.metadata.TestCommands.shard;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.BlockRange;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.LostRange;
import io.ashlar.client.protocol.LostStripes;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentLoss;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.LossesRecord;
import io.ashlar.coordinator.record.NodePut;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RebuildAbandon;
import io.ashlar.coordinator.record.RebuildPlan;
import io.ashlar.coordinator.record.ReplayLoss;
import io.ashlar.coordinator.record.ShardPlace;
import io.ashlar.coordinator.record.VolumeBlock;
import io.ashlar.coordinator.record.VolumeClose;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

final class MetadataTest {
    private final MemoryMetadataStore store = new MemoryMetadataStore();
    private final Metadata metadata = new Metadata(store);

    private Outcome apply(Command.Builder command) {
        return metadata.apply(metadata.appliedIndex() + 1, 1, command.build());
    }

    private Segment segment(long number) {
        Segment segment = metadata.segment(new SegmentId(9, number));
        assertThat(segment).isNotNull();
        return Objects.requireNonNull(segment);
    }

    private static RebuildPlan plan(ShardRef target, long version) {
        return RebuildPlan.newBuilder()
                .setTarget(target)
                .setVersion(version)
                .setNode("n")
                .build();
    }

    private static ShardPlace place(ShardRef target, long version) {
        return ShardPlace.newBuilder()
                .setTarget(target)
                .setVersion(version)
                .setNode("n")
                .build();
    }

    private void sealedSegment(long number) {
        apply(createSegment(number, 1));
        apply(openSegment(number, 1));
        apply(seal(number, 1, 8192));
    }

    @Test
    void comesToTheSameBytesFromTheSameCommands() throws IOException {
        long seed = 20260101;
        List<Command> commands = randomCommands(new Random(seed), 600);
        MemoryMetadataStore other = new MemoryMetadataStore();
        Metadata replica = new Metadata(other);
        for (Command command : commands) {
            long index = metadata.appliedIndex() + 1;
            Outcome here = metadata.apply(index, 1, command);
            if (index % 7 == 0) {
                replica = new Metadata(other);
            }
            assertThat(replica.apply(index, 1, command)).isEqualTo(here);
        }
        assertThat(store.sameAs(other)).as("seed %s", seed).isTrue();
        assertThat(metadata.events(0, 10_000)).isNotEmpty();
    }

    private static List<Command> randomCommands(Random random, int count) {
        List<Command> commands = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long segment = random.nextInt(12);
            long epoch = random.nextInt(4);
            ShardRef target = shard(segment, random.nextInt(SHARDS), 200 + random.nextInt(20));
            Command.Builder command = switch (random.nextInt(10)) {
                case 0 -> createVolume("v" + random.nextInt(2));
                case 1 -> random.nextInt(5) == 0 ? open(epoch) : createSegment(100 + i, epoch);
                case 2 -> createSegment(1000 + i, epoch);
                case 3 -> openSegment(segment, epoch);
                case 4 -> seal(segment, epoch, 4096L * random.nextInt(3));
                case 5 -> Command.newBuilder().setRebuildPlan(plan(target, 1 + random.nextInt(5)));
                case 6 -> Command.newBuilder().setShardPlace(place(target, 1 + random.nextInt(5)));
                case 7 ->
                    Command.newBuilder()
                            .setRebuildAbandon(RebuildAbandon.newBuilder().setTarget(target));
                case 8 ->
                    Command.newBuilder()
                            .setLossesRecord(LossesRecord.newBuilder()
                                    .addLosses(ShardDamage.newBuilder()
                                            .setShard(shard(segment, 1, 101))
                                            .setKind(ShardDamage.Kind.CORRUPT_CELL)));
                default ->
                    Command.newBuilder()
                            .setNodePut(NodePut.newBuilder()
                                    .setNode(NodeRecord.newBuilder()
                                            .setId("n" + random.nextInt(3))
                                            .addDrives(
                                                    new DriveId(5, random.nextInt(4)).toProto())));
            };
            commands.add(
                    command.setAtMillis(i).setRequestId(random.nextInt(500)).build());
        }
        return commands;
    }

    private static LostStripes.Builder lost(long first, long count) {
        return LostStripes.newBuilder()
                .setFirst(first)
                .setCount(count)
                .setOffset(first * 4096)
                .setLengthBytes(8192)
                .setReason("1 of its 3 cells is left");
    }

    private List<String> losses() {
        return metadata.events(0, 100).stream()
                .filter(event -> event.getSubject().equals("volume disk0"))
                .map(Event::getText)
                .filter(text -> text.startsWith("data loss: "))
                .toList();
    }

    @Test
    void aSealTellsWhatIsLost() {
        apply(createVolume("disk0"));
        apply(open(0));
        apply(createSegment(1, 1));
        apply(openSegment(1, 1));
        Command.Builder seal = seal(1, 1, 16384);
        seal.getSegmentsSealBuilder()
                .getSealsBuilder(0)
                .addLost(lost(0, 1)
                        .addBlocks(BlockRange.newBuilder().setFirst(7).setCount(1))
                        .addBlocks(BlockRange.newBuilder().setFirst(20).setCount(5))
                        .setMoreBlocks(3))
                .addLost(lost(2, 0).setHeadless(true).setReason("r".repeat(5000)))
                .addLost(lost(3, 2).setHeadless(true).setScattered(true));
        assertThat(apply(seal).hasFailure()).isFalse();
        assertThat(losses()).hasSize(3);
        assertThat(losses().getFirst())
                .isEqualTo("data loss: stripe 0 of segment " + new SegmentId(9, 1)
                        + ", at 0 to 8192 of its shards, cannot be decoded: 1 of its 3 cells is"
                        + " left; blocks 7, 20 to 24 and 3 others read as errors until they are"
                        + " written anew");
        assertThat(losses().get(1))
                .contains("unknown number of stripes from stripe 2 of")
                .contains("nothing tells which blocks", "all blocks of the volume")
                .hasSizeLessThan(2000);
        assertThat(losses().get(2)).contains("2 stripes from stripe 3 and later ones of");
        assertThat(segment(1).getLostList())
                .as("what a replay need not ask for")
                .containsExactly(LostRange.newBuilder()
                        .setOffset(8192)
                        .setLengthBytes(8192)
                        .build());
    }

    @Test
    void aReplayTellsWhatIsLostAsLongAsItsEpochIsTheVolumes() {
        apply(createVolume("disk0"));
        apply(open(0));
        Command.Builder replay = Command.newBuilder()
                .setReplayLoss(ReplayLoss.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setEpoch(1)
                        .addLosses(SegmentLoss.newBuilder()
                                .setSegment(new SegmentId(9, 4).toProto())
                                .addLost(lost(2, 3).setHeadless(true))));
        assertThat(apply(replay).hasFailure()).isFalse();
        assertThat(losses()).hasSize(1);
        assertThat(losses().getFirst())
                .startsWith("data loss: 3 stripes from stripe 2 of segment " + new SegmentId(9, 4));
        apply(open(1));
        assertThat(apply(replay).getFailure().getCode()).isEqualTo(ErrorCode.FENCED);
        assertThat(losses()).hasSize(1);
    }

    @Test
    void carriesARepeatedRequestOutOnce() {
        apply(createVolume("disk0"));
        Outcome once = apply(open(0).setRequestId(42));
        assertThat(once.getEpoch()).isEqualTo(1);
        assertThat(apply(open(0).setRequestId(42))).isEqualTo(once);
        assertThat(metadata.volume("disk0")).extracting(VolumeRecord::getEpoch).isEqualTo(1L);
        assertThat(apply(open(0).setRequestId(43)).getFailure().getCode())
                .isEqualTo(ErrorCode.FENCED);
    }

    @Test
    void remembersOnlySoManyRequests() {
        apply(createVolume("disk0").setRequestId(1));
        for (int i = 0; i < MetadataWriter.MAX_REMEMBERED_REQUESTS; i++) {
            apply(openSegment(1, 1).setRequestId(2 + i));
        }
        assertThat(metadata.outcomeOf(1)).isNull();
        assertThat(metadata.outcomeOf(2)).isNotNull();
    }

    @Test
    void skipsEntriesThatWereAppliedBefore() {
        metadata.apply(5, 1, createVolume("disk0").build());
        metadata.apply(6, 1, open(0).build());
        MemoryMetadataStore before = store.copy();
        Metadata restarted = new Metadata(store);
        restarted.apply(5, 1, createVolume("disk0").build());
        restarted.apply(6, 1, open(0).build());
        assertThat(store.sameAs(before)).isTrue();
        assertThat(restarted.appliedIndex()).isEqualTo(6);
    }

    @Test
    void leavesNothingOfACommandThatIsRefused() {
        apply(createVolume("disk0"));
        apply(open(0));
        apply(createSegment(1, 1));
        apply(openSegment(1, 1));
        apply(open(1));
        for (Command.Builder stale : List.of(
                createSegment(2, 1),
                openSegment(1, 1),
                seal(1, 1, 4096),
                open(1),
                Command.newBuilder()
                        .setVolumeClose(VolumeClose.newBuilder()
                                .setVolume(VOLUME.toProto())
                                .setEpoch(1)))) {
            MemoryMetadataStore before = store.copy();
            assertThat(apply(stale).getFailure().getCode()).isEqualTo(ErrorCode.FENCED);
            TreeMap<byte[], byte @Nullable []> applied = new TreeMap<>(Arrays::compareUnsigned);
            applied.put(KeyFormat.CLUSTER, store.get(KeyFormat.CLUSTER));
            before.write(applied);
            assertThat(store.sameAs(before)).isTrue();
        }
        assertThat(apply(seal(1, 2, 4096)).hasFailure()).isFalse();
    }

    @Test
    void placesARebuiltShardByCompareAndSet() {
        apply(createVolume("disk0"));
        apply(open(0));
        sealedSegment(1);
        long version = segment(1).getVersion();
        ShardRef target = shard(1, 0, 777);
        assertThat(apply(Command.newBuilder().setShardPlace(place(target, version)))
                        .getFailure()
                        .getCode())
                .as("without a plan")
                .isEqualTo(ErrorCode.NOT_FOUND);
        apply(Command.newBuilder().setRebuildPlan(plan(target, version)));
        assertThat(apply(Command.newBuilder().setShardPlace(place(target, version - 1)))
                        .getFailure()
                        .getCode())
                .as("of another version")
                .isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(apply(Command.newBuilder().setShardPlace(place(target, version)))
                        .hasFailure())
                .isFalse();
        assertThat(segment(1).getPlacements(0).getShard()).isEqualTo(target);
        assertThat(metadata.isDoomed(shard(1, 0, 100))).isTrue();
        assertThat(metadata.rebuilds()).isEmpty();
        assertThat(metadata.shardsOn(new DriveId(5, 1))).containsExactly(target);
    }

    @Test
    void neverPlacesADoomedShard() {
        apply(createVolume("disk0"));
        apply(open(0));
        sealedSegment(1);
        ShardRef target = shard(1, 0, 777);
        apply(Command.newBuilder().setRebuildPlan(plan(target, segment(1).getVersion())));
        apply(Command.newBuilder()
                .setRebuildAbandon(RebuildAbandon.newBuilder().setTarget(target)));
        assertThat(metadata.isDoomed(target)).isTrue();
        assertThat(apply(Command.newBuilder()
                                .setShardPlace(place(target, segment(1).getVersion())))
                        .hasFailure())
                .isTrue();
    }

    @Test
    void survivesInRocksDbWhatAKillLeaves(@TempDir Path directory) throws IOException {
        List<Command> commands = randomCommands(new Random(3), 200);
        try (RocksMetadataStore rocks = RocksMetadataStore.open(directory)) {
            Metadata first = new Metadata(rocks);
            for (Command command : commands) {
                long index = metadata.appliedIndex() + 1;
                metadata.apply(index, 1, command);
                first.apply(index, 1, command);
            }
        }
        try (RocksMetadataStore rocks = RocksMetadataStore.open(directory)) {
            Metadata again = new Metadata(rocks);
            assertThat(again.appliedIndex()).isEqualTo(metadata.appliedIndex());
            assertThat(again.segmentsAfter(SegmentId.NONE, 1000))
                    .isEqualTo(metadata.segmentsAfter(SegmentId.NONE, 1000))
                    .isNotEmpty();
            assertThat(again.events(0, 10_000)).isEqualTo(metadata.events(0, 10_000));
            assertThat(again.nodes()).isEqualTo(metadata.nodes());
        }
    }

    /** A leader's look at the leases says nothing in another leader's term. */
    @Test
    void opensForAWorkerOnlyInTheTermThatFoundNoLease() {
        apply(createVolume("disk0"));
        apply(open(0));
        Command.Builder worker = open(1);
        worker.getVolumeOpenBuilder().setTerm(7);
        Outcome refused = metadata.apply(metadata.appliedIndex() + 1, 8, worker.build());
        assertThat(refused.getFailure().getCode()).isEqualTo(ErrorCode.FENCED);
        assertThat(Objects.requireNonNull(metadata.volume(VOLUME)).getEpoch()).isEqualTo(1);
        Outcome opened = metadata.apply(metadata.appliedIndex() + 1, 7, worker.build());
        assertThat(opened.getEpoch()).isEqualTo(2);
    }

    @Test
    void remembersABlockedTakeoverUntilSegmentsAreSealed() {
        apply(createVolume("disk0"));
        apply(open(0));
        apply(createSegment(1, 1));
        apply(openSegment(1, 1));
        apply(open(1));
        apply(block(1, "of a takeover before"));
        assertThat(blocked()).isEmpty();
        apply(block(2, "too few answer"));
        assertThat(blocked()).isEqualTo("too few answer");
        apply(open(2));
        assertThat(blocked()).isEqualTo("too few answer");
        apply(seal(1, 2, 8192));
        assertThat(blocked()).isEqualTo("too few answer");
        apply(seal(1, 3, 8192));
        assertThat(blocked()).isEmpty();
        assertThat(metadata.unsealedVolumes()).isEmpty();
    }

    @Test
    void recordsWhatWasGivenUp() {
        apply(createVolume("disk0"));
        apply(open(0));
        apply(createSegment(1, 1));
        apply(openSegment(1, 1));
        Command.Builder seal = seal(1, 1, 0);
        seal.getSegmentsSealBuilder().getSealsBuilder(0).setGivenUp("stripe 3 on a burnt node");
        apply(seal);
        assertThat(metadata.events(0, 10_000))
                .anySatisfy(event -> assertThat(event.toString())
                        .contains("volume disk0", "given up", "stripe 3 on a burnt node"));
    }

    private String blocked() {
        return Objects.requireNonNull(metadata.volume(VOLUME)).getBlocked();
    }

    private static Command.Builder block(long epoch, String reason) {
        return Command.newBuilder()
                .setVolumeBlock(VolumeBlock.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setEpoch(epoch)
                        .setReason(reason));
    }
}
