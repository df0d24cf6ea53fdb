package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.transport.Buffer;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Records that are appended, read and sealed. */
final class ShardStoreTest extends ShardStoreFixture {

    @Test
    void returnsWhatWasAppended() throws AshlarException {
        createAndAppend(3);
        for (TestSegment.Written stripe : stripes) {
            assertThat(read(stripe)).isEqualTo(stripe.cell(0));
        }
    }

    @Test
    void readsPiecesThatTheCallerKnowsTheCrcsOf() throws AshlarException {
        createAndAppend(1);
        var stripe = stripes.getFirst().stripe();
        int crc = stripe.pieceCrc(stripe.participantOfShard(0), 1);
        ReadCell read = ReadCell.newBuilder()
                .setShard(shard)
                .setFirstPiece(1)
                .setPieceCount(1)
                .setHeaderBytes(stripe.geometry().headerBytes())
                .addCrcs(crc)
                .build();
        byte[] cell = stripes.getFirst().cell(0);
        assertThat(drive.read(read)).isEqualTo(Arrays.copyOfRange(cell, 4096, 8192));

        ReadCell wrong = read.toBuilder().setCrcs(0, crc + 1).build();
        assertThatThrownBy(() -> drive.read(wrong)).isInstanceOf(AshlarException.Corrupt.class);
        assertThat(drive.damage.take()).isEmpty();
    }

    @Test
    void putsTheHeaderBeforeThePieces() throws AshlarException {
        createAndAppend(1);
        byte[] bytes = drive.read(ReadCell.newBuilder()
                .setShard(shard)
                .setHeader(true)
                .setPieceCount(2)
                .build());
        assertThat(bytes).hasSize(4096 + CELL_BYTES).endsWith(stripes.getFirst().cell(0));
    }

    @Test
    void answersAnAppendOnlyAfterASyncThatFollowedTheWrite() throws AshlarException {
        drive.create(segment.create(shard));
        drive.directory.events.clear();
        var stripe = next();
        List<String> before = new ArrayList<>();
        drive.drive.append(segment.append(shard, stripe), stripe.record(0), new Completion<Done>() {
            @Override
            public void done(Done value) {
                before.addAll(drive.directory.events);
            }

            @Override
            public void failed(AshlarException cause) {
                throw new IllegalStateException(cause);
            }
        });
        drive.run();
        assertThat(before).containsExactly("write arena " + place(0), "sync arena");
    }

    @Test
    void coversAllQueuedAppendsWithOneSync() throws AshlarException {
        drive.create(segment.create(shard));
        drive.directory.events.clear();
        for (int i = 0; i < 10; i++) {
            var stripe = next();
            drive.drive.append(
                    segment.append(shard, stripe), stripe.record(0), new TestDrive.Outcome<>());
        }
        drive.run();
        assertThat(drive.directory.events).hasSize(11).endsWith("sync arena");
    }

    @Test
    void acceptsTheSameRecordAgainAndRefusesAnotherInItsPlace() throws AshlarException {
        createAndAppend(2);
        append(stripes.get(1));
        var other = segment.stripe(1, stripes.get(1).stripe().identity().offset(), 4, CELL_BYTES);
        assertThatThrownBy(() -> append(other)).isInstanceOf(AshlarException.Invalid.class);
        var overlapping =
                segment.stripe(6, stripes.get(1).stripe().identity().offset() + 4096, 4, 4096);
        assertThatThrownBy(() -> append(overlapping)).isInstanceOf(AshlarException.Invalid.class);
        assertThatThrownBy(() -> drive.append(recovery(other, 6), other.record(0)))
                .isInstanceOf(AshlarException.Invalid.class);
        assertThat(read(stripes.get(1))).isEqualTo(stripes.get(1).cell(0));
    }

    @Test
    void acceptsARecordBeyondAGap() throws AshlarException {
        drive.create(segment.create(shard));
        next(1, 4096);
        next(1, 4096);
        append(next());
        assertThat(drive.list(shard).records())
                .containsExactly(stripes.getLast().stripe().identity().offset());
        assertThat(drive.list(shard).unknown()).isEmpty();
    }

    @Test
    void refusesRecordsThatDoNotBelongInTheirPlace() throws AshlarException {
        drive.create(segment.create(shard));
        var stripe = next();
        AppendCell right = segment.append(shard, stripe);
        assertInvalid(right, stripe.record(1));
        assertInvalid(right.toBuilder().setOffset(4096).build(), stripe.record(0));
        var foreign = new TestSegment(9, segment.policy).stripe(0, 0, 4, CELL_BYTES);
        assertInvalid(right, foreign.record(0));
        Buffer rotten = stripe.record(0);
        rotten.segment().set(Little.BYTE, 9000, (byte) ~rotten.segment().get(Little.BYTE, 9000));
        assertInvalid(right, rotten);
        var last = segment.stripe(0, TestSegment.SHARD_BYTES - 4096, 4, CELL_BYTES);
        assertInvalid(segment.append(shard, last), last.record(0));
        assertInvalid(right, Buffer.empty());
        assertThat(drive.list(shard).records()).isEmpty();
    }

    @Test
    void answersNotFoundWhereThereIsNoShard() {
        var stripe = next();
        assertThatThrownBy(() -> append(stripe)).isInstanceOf(AshlarException.NotFound.class);
        assertThatThrownBy(() -> read(stripe)).isInstanceOf(AshlarException.NotFound.class);
        assertThatThrownBy(() -> drive.list(shard)).isInstanceOf(AshlarException.NotFound.class);
        assertThatThrownBy(() -> drive.fence(shard, 6))
                .isInstanceOf(AshlarException.NotFound.class);
    }

    @Test
    void findsFlippedBitsWhenReadingAndWhenVerifying() throws AshlarException {
        createAndAppend(3);
        drive.seal(shard, stripes.getLast().stripe().endOffset(), 3);
        drive.directory.arena().flipBit(place(1) + 5000);
        assertThatThrownBy(() -> read(stripes.get(1))).isInstanceOf(AshlarException.Corrupt.class);
        List<ShardDamage> damage = drive.damage.take();
        assertThat(damage).hasSize(1);
        assertThat(damage.getFirst().getKind()).isEqualTo(ShardDamage.Kind.CORRUPT_CELL);
        assertThat(damage.getFirst().getShard()).isEqualTo(shard);

        var verified = drive.verify(shard, stripes.getLast().stripe().endOffset(), 3);
        assertThat(verified.getValidCells()).isEqualTo(2);
        assertThat(verified.getDamagedCells()).isEqualTo(1);
    }

    @Test
    void recoveryReplacesADamagedRecordAndKeepsAWholeOne() throws AshlarException {
        createAndAppend(2);
        drive.seal(shard, stripes.getLast().stripe().endOffset(), 2);
        drive.directory.arena().flipBit(place(0) + 5000);
        drive.append(recovery(stripes.get(0), 6), stripes.get(0).record(0));
        drive.append(recovery(stripes.get(1), 6), stripes.get(1).record(0));
        assertThat(drive.verify(shard, stripes.getLast().stripe().endOffset(), 2)
                        .getValidCells())
                .isEqualTo(2);
        assertThatThrownBy(() -> append(stripes.get(1))).isInstanceOf(AshlarException.Fenced.class);
    }

    @Test
    void recoveryIsToldWhenTheDriveHoldsAnotherGenerationThanWasWritten() throws IOException {
        createAndAppend(2);
        var written = stripes.get(1);
        var other = segment.stripe(1, written.stripe().identity().offset(), 4, CELL_BYTES);
        Buffer record = other.record(0);
        try (DriveFile arena = drive.directory.open(DriveOpener.ARENA)) {
            arena.write(place(1), record.segment());
        } finally {
            record.release();
        }
        assertThatThrownBy(() -> drive.append(recovery(written, 6), written.record(0)))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("another record lies");
    }

    @Test
    void aSealIsFinalAndOutlivesAPowerCut() throws IOException {
        createAndAppend(2);
        drive.seal(shard, 12288, 1);
        assertThatThrownBy(() -> drive.seal(shard, 24576, 2))
                .isInstanceOf(AshlarException.Invalid.class);
        drive = drive.afterPowerCut(new SplittableRandom(3));
        assertThat(drive.fence(shard, 9).getSealedBytes()).isEqualTo(12288);
        assertThat(drive.list(shard).records()).containsExactly(0L);
    }

    private void assertInvalid(AppendCell request, Buffer record) {
        assertThatThrownBy(() -> drive.append(request, record))
                .isInstanceOf(AshlarException.Invalid.class);
    }
}
