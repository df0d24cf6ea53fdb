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

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Position;
import io.ashlar.client.protocol.Root;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RootCommit;
import io.ashlar.coordinator.record.SegmentsFree;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Roots, and what they protect. */
final class RootCommandsTest {
    private static final long SEALED_BYTES = 8192;

    private final Metadata metadata = new Metadata(new MemoryMetadataStore());

    private Outcome apply(Command.Builder command) {
        return metadata.apply(metadata.appliedIndex() + 1, 1, command.build());
    }

    /** Segments 1 to 5 are sealed, 6 is open. */
    @BeforeEach
    void writeALog() {
        apply(createVolume("disk0"));
        apply(open(0));
        for (long number = 1; number <= 6; number++) {
            apply(createSegment(number, 1));
            apply(openSegment(number, 1));
            if (number <= 5) {
                apply(seal(number, 1, SEALED_BYTES));
            }
        }
    }

    private Outcome commit(long epoch, long number, long segment, long bytes, Long... unreadable) {
        Root root = Root.newBuilder()
                .setNumber(number)
                .setPosition(position(segment, bytes))
                .build();
        return commit(epoch, root, unreadable);
    }

    private Outcome commit(long epoch, Root root, Long... unreadable) {
        return apply(Command.newBuilder()
                .setRootCommit(RootCommit.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setEpoch(epoch)
                        .setRoot(root)
                        .addAllUnreadable(List.of(unreadable))));
    }

    private static Position position(long segment, long bytes) {
        return segment == 0
                ? Position.getDefaultInstance()
                : Position.newBuilder()
                        .setSegment(new SegmentId(9, segment).toProto())
                        .setStripes(bytes == 0 ? 0 : 1)
                        .setBytes(bytes)
                        .build();
    }

    private List<Long> free(long root, long... segments) {
        SegmentsFree.Builder free = SegmentsFree.newBuilder()
                .setVolume(VOLUME.toProto())
                .setEpoch(1)
                .setRoot(root);
        Arrays.stream(segments)
                .forEach(number -> free.addSegments(new SegmentId(9, number).toProto()));
        return apply(Command.newBuilder().setSegmentsFree(free)).getSegmentsList().stream()
                .map(id -> SegmentId.of(id).low())
                .toList();
    }

    private List<Long> roots() {
        return Objects.requireNonNull(metadata.volume("disk0")).getRootsList().stream()
                .map(Root::getNumber)
                .toList();
    }

    @Test
    void keepsTheLastThreeRoots() {
        for (long number = 1; number <= 5; number++) {
            assertThat(commit(1, number, number, SEALED_BYTES).hasFailure()).isFalse();
        }
        assertThat(roots()).containsExactly(3L, 4L, 5L);
    }

    @Test
    void commitsARootOnlyAfterTheOneItFollows() {
        commit(1, 1, 2, SEALED_BYTES);
        assertThat(commit(1, 1, 3, 4096).getFailure().getCode()).isEqualTo(ErrorCode.INVALID);
        assertThat(commit(1, 3, 3, 4096).getFailure().getCode()).isEqualTo(ErrorCode.INVALID);
        assertThat(roots()).containsExactly(1L);
    }

    @Test
    void refusesTheRootOfAFencedWriter() {
        apply(open(1));
        assertThat(commit(1, 1, 2, SEALED_BYTES).getFailure().getCode())
                .isEqualTo(ErrorCode.FENCED);
        assertThat(roots()).isEmpty();
    }

    @Test
    void neverGoesBackInTheLog() {
        commit(1, 1, 3, 4096);
        assertThat(commit(1, 2, 2, SEALED_BYTES).getFailure().getMessage())
                .contains("lies before root 1");
        assertThat(commit(1, 2, 3, 2048).getFailure().getMessage()).contains("lies before root 1");
        assertThat(commit(1, 2, 3, 4096).hasFailure()).isFalse();
    }

    @Test
    void goesBackBehindRootsThatCannotBeRead() {
        commit(1, 1, 2, 4096);
        commit(1, 2, 4, 4096);
        commit(1, 3, 5, 4096);
        assertThat(commit(1, 4, 3, 4096, 3L).getFailure().getMessage())
                .contains("lies before root 2");
        assertThat(commit(1, 4, 3, 4096, 3L, 2L).hasFailure()).isFalse();
        assertThat(roots()).containsExactly(1L, 4L);
    }

    @Test
    void refusesAPositionThatIsNotInTheLog() {
        assertThat(commit(1, 1, 77, 4096).getFailure().getCode()).isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(commit(1, 1, 2, SEALED_BYTES + 4096).getFailure().getCode())
                .isEqualTo(ErrorCode.INVALID);
        assertThat(commit(1, 1, 2, 0).getFailure().getCode()).isEqualTo(ErrorCode.INVALID);
        assertThat(commit(1, 1, 6, 4096).hasFailure()).as("in the open segment").isFalse();
    }

    /** Behind the place from which the map is replayed come its pages and the root. */
    @Test
    void neverSealsASegmentBelowTheEndOfARoot() {
        Root root = Root.newBuilder()
                .setNumber(1)
                .setPosition(position(5, SEALED_BYTES))
                .setEnd(position(6, 4096))
                .build();
        assertThat(commit(1, root).hasFailure()).isFalse();
        assertThat(apply(seal(6, 1, 2048)).getFailure().getMessage())
                .contains("root 1 of volume disk0 holds 4096 of it");
        assertThat(apply(seal(6, 1, 0)).hasFailure()).isTrue();
        assertThat(apply(seal(6, 1, 4096)).hasFailure()).isFalse();
    }

    @Test
    void neverSealsASegmentBelowARoot() {
        commit(1, 1, 6, 8192);
        assertThat(apply(seal(6, 1, 4096)).getFailure().getMessage()).contains("root 1");
        assertThat(apply(seal(6, 1, 0)).getFailure().getMessage()).contains("root 1");
        assertThat(apply(seal(6, 1, 8192)).hasFailure()).isFalse();
    }

    @Test
    void freesOnlyWhatNoRetainedRootMayNeed() {
        commit(1, 1, 2, SEALED_BYTES);
        commit(1, 2, 4, 4096);
        commit(1, 3, 6, 4096);
        assertThat(free(2, 1, 2, 3)).as("root 1 may refer to them").isEmpty();
        assertThat(free(1, 1, 2, 3)).as("replay begins in segment 2").containsExactly(1L);
        commit(1, 4, 6, 4096);
        assertThat(free(2, 2, 3, 4, 5)).containsExactly(2L, 3L);
        commit(1, 5, 6, 4096);
        assertThat(free(2, 4, 5, 6)).as("segment 6 is open").containsExactly(4L, 5L);
        assertThat(metadata.segments(VOLUME)).hasSize(1);
        assertThat(metadata.isDoomed(shard(4, SHARDS - 1, 100 + SHARDS - 1))).isTrue();
        assertThat(free(2, 4)).as("again").containsExactly(4L);
    }

    @Test
    void freesNothingWithoutARoot() {
        assertThat(free(0, 1, 2, 3)).isEmpty();
        commit(1, 1, 0, 0);
        assertThat(free(1, 1, 2, 3)).as("replayed from the start").isEmpty();
    }
}
