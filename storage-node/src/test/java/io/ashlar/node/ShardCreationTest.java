package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Who may create a shard, and append to it: creations, fences and deletions. */
final class ShardCreationTest extends ShardStoreFixture {

    @Test
    void createsTheSameShardTwiceButNoOtherInItsPlace() throws AshlarException {
        drive.create(segment.create(shard));
        drive.create(segment.create(shard));
        ShardRef reborn = shard.toBuilder().setIncarnation(5).build();
        assertThatThrownBy(() -> drive.create(segment.create(reborn)))
                .isInstanceOf(AshlarException.Invalid.class);
        assertThatThrownBy(() -> drive.create(
                        segment.create(shard).toBuilder().setEpoch(6).build()))
                .isInstanceOf(AshlarException.Invalid.class);
        drive.delete(shard);
        ShardEntry repaired = ShardEntry.of(segment.create(reborn));
        drive.<Done>ask(created -> drive.drive.create(drive.drive.id(), repaired, true, created));
    }

    @Test
    void fencesOffTheOldWriterAcrossAPowerCut() throws IOException {
        createAndAppend(1);
        assertThat(drive.fence(shard, 6).getHighestEpoch()).isEqualTo(6);
        assertThatThrownBy(() -> append(next())).isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> drive.fence(shard, 5)).isInstanceOf(AshlarException.Fenced.class);
        drive = drive.afterPowerCut(new SplittableRandom(1));
        assertThatThrownBy(() -> drive.append(
                        recovery(stripes.getFirst(), 5), stripes.getFirst().record(0)))
                .isInstanceOf(AshlarException.Fenced.class);
        drive.append(recovery(stripes.getFirst(), 6), stripes.getFirst().record(0));
    }

    /** It may be there only because a repair has made it meanwhile. */
    @Test
    void aCreationThatIsRepeatedBehindAFenceIsRefusedThoughTheShardIsThere()
            throws AshlarException {
        createAndAppend(1);
        drive.create(segment.create(shard));
        drive.fence(shard, 6);
        assertThatThrownBy(() -> drive.create(segment.create(shard)))
                .isInstanceOf(AshlarException.Fenced.class);
    }

    /** It came when the fence was not there yet; it is looked at when its turn comes. */
    @Test
    void anAppendThatQueuesBehindAFenceIsRefused() throws AshlarException {
        createAndAppend(1);
        TestDrive.Outcome<ShardFenced> fenced = new TestDrive.Outcome<>();
        TestDrive.Outcome<Done> appended = new TestDrive.Outcome<>();
        var stripe = next();
        drive.drive.fence(shard, 6, fenced);
        drive.drive.append(segment.append(shard, stripe), stripe.record(0), appended);
        assertThat(fenced.isAnswered()).isFalse();
        drive.run();
        assertThat(fenced.get().getHighestEpoch()).isEqualTo(6);
        assertThatThrownBy(appended::get).isInstanceOf(AshlarException.Fenced.class);
        assertThat(drive.list(shard).records()).containsExactly(0L);
    }

    @Test
    void aRecoverersReadRaisesTheFenceAndAnOlderOneIsRefused() throws AshlarException {
        createAndAppend(1);
        ReadCell read = ReadCell.newBuilder().setShard(shard).setPieceCount(1).build();
        drive.read(read.toBuilder().setEpoch(7).build());
        assertThatThrownBy(() -> append(next())).isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> drive.read(read.toBuilder().setEpoch(6).build()))
                .isInstanceOf(AshlarException.Fenced.class);
        drive.read(read);
    }

    @Test
    void remembersAFenceWhereThereWasNoShardYet() throws IOException {
        assertThatThrownBy(() -> drive.fence(shard, 6))
                .isInstanceOf(AshlarException.NotFound.class);
        drive = drive.afterPowerCut(new SplittableRandom(2));
        assertThatThrownBy(() -> drive.create(segment.create(shard)))
                .isInstanceOf(AshlarException.Fenced.class);
        drive.create(segment.create(shard).toBuilder().setEpoch(6).build());
    }

    @Test
    void aFenceThatArrivesWhileAShardIsBeingCreatedPreventsIt() {
        TestDrive.Outcome<Done> created = new TestDrive.Outcome<>();
        drive.drive.create(drive.drive.id(), largeEntry(shard), false, created);
        drive.writer.runOne();
        assertThatThrownBy(() -> drive.fence(shard, 6))
                .isInstanceOf(AshlarException.NotFound.class);
        assertThatThrownBy(created::get).isInstanceOf(AshlarException.Fenced.class);
    }

    /** So a writer that waits for a large shard learns whether the drive does anything at all. */
    @Test
    void aFenceThatRaisesNothingIsAnsweredWhileAShardIsBeingCreated() throws AshlarException {
        TestDrive.Outcome<Done> created = new TestDrive.Outcome<>();
        TestDrive.Outcome<ShardFenced> asked = new TestDrive.Outcome<>();
        drive.drive.create(drive.drive.id(), largeEntry(shard), false, created);
        drive.writer.runOne();
        drive.drive.fence(shard, 0, asked);
        while (!asked.isAnswered()) {
            assertThat(drive.writer.runOne()).isTrue();
        }
        assertThat(created.isAnswered()).isFalse();
        assertThatThrownBy(asked::get).isInstanceOf(AshlarException.NotFound.class);
        drive.run();
        created.get();
    }

    @Test
    void aDeletionCancelsACreationThatIsUnderWay() throws IOException {
        TestDrive.Outcome<Done> created = new TestDrive.Outcome<>();
        drive.drive.create(drive.drive.id(), largeEntry(shard), false, created);
        drive.writer.runOne();
        assertThat(drive.drive.info().getUsedBytes()).isPositive();
        drive.delete(shard);
        assertThatThrownBy(created::get).isInstanceOf(AshlarException.NotFound.class);
        assertThat(drive.drive.info().getUsedBytes()).isZero();
        assertThat(drive.drive.shardStates()).isEmpty();
        drive = drive.afterKill();
        assertThat(drive.drive.shardStates()).isEmpty();
    }

    @Test
    void aCreationThatComesAfterItsDeletionIsRefusedForGood() throws IOException {
        drive.delete(shard);
        assertThatThrownBy(() -> drive.create(segment.create(shard)))
                .isInstanceOf(AshlarException.NotFound.class);
        var given = new TestSegment(77, segment.policy);
        ShardRef open = given.shard(0, drive.drive.id());
        drive.create(given.create(open));
        drive.delete(open);
        drive = drive.afterPowerCut(new SplittableRandom(5));
        for (ShardRef late : List.of(shard, open)) {
            TestSegment of = late.equals(shard) ? segment : given;
            assertThatThrownBy(() -> drive.create(of.create(late)))
                    .isInstanceOf(AshlarException.NotFound.class);
        }
        assertThat(drive.drive.shardStates()).isEmpty();
        assertThat(drive.drive.info().getUsedBytes()).isZero();
        var other = new TestSegment(78, segment.policy);
        drive.create(other.create(other.shard(0, drive.drive.id())));
    }

    @Test
    void aDeletionCancelsACreationThatWaitsForOthers() throws AshlarException {
        List<TestDrive.Outcome<Done>> created = new ArrayList<>();
        ShardRef last = shard;
        for (int i = 0; i < 4; i++) {
            last = new TestSegment(1000 + i, segment.policy).shard(0, drive.drive.id());
            created.add(new TestDrive.Outcome<>());
            drive.drive.create(drive.drive.id(), largeEntry(last), false, created.getLast());
        }
        for (int i = 0; i < 4; i++) {
            drive.writer.runOne();
        }
        TestDrive.Outcome<Done> deleted = new TestDrive.Outcome<>();
        drive.drive.delete(last, deleted);
        while (!deleted.isAnswered()) {
            drive.writer.runOne();
        }
        assertThatThrownBy(created.getLast()::get).isInstanceOf(AshlarException.NotFound.class);
        drive.run();
        deleted.get();
        for (TestDrive.Outcome<Done> other : created.subList(0, 3)) {
            other.get();
        }
        assertThat(drive.drive.shardStates()).hasSize(3);
        assertThat(drive.drive.info().getUsedBytes()).isEqualTo(3 * (4L << 20));
    }

    @Test
    void refusesAShardOfAVolumeThatWasTakenOver() throws AshlarException {
        drive.create(segment.create(shard));
        drive.fence(shard, 6);
        var later = new TestSegment(77, segment.policy);
        assertThatThrownBy(() -> drive.create(later.create(later.shard(0, drive.drive.id()))))
                .isInstanceOf(AshlarException.Fenced.class);
    }

    @Test
    void afterARestartOnlyRecoveryMayAppend() throws IOException {
        createAndAppend(1);
        drive = drive.afterCleanStop();
        assertThatThrownBy(() -> append(next())).isInstanceOf(AshlarException.Fenced.class);
        drive.append(recovery(stripes.get(1), 6), stripes.get(1).record(0));
        assertThat(read(stripes.get(1))).isEqualTo(stripes.get(1).cell(0));
    }

    @Test
    void aRequestForADriveThatWasLostMeanwhileCreatesNothingOnAnother() throws AshlarException {
        drive.directory.delete(DriveOpener.ARENA);
        TestDrive.Outcome<Done> checked = new TestDrive.Outcome<>();
        TestDrive.Outcome<Done> created = new TestDrive.Outcome<>();
        ShardEntry wanted = ShardEntry.of(segment.create(shard));
        drive.drive.checkArena(checked);
        drive.drive.create(DriveId.of(shard.getDrive()), wanted, false, created);
        drive.run();
        checked.get();
        assertThatThrownBy(created::get).isInstanceOf(AshlarException.NotFound.class);
        assertThat(drive.drive.shardStates()).isEmpty();
    }

    /** Of a shard so large that it is zeroed in parts. */
    private ShardEntry largeEntry(ShardRef ref) {
        try {
            return ShardEntry.of(
                    segment.create(ref).toBuilder().setShardBytes(4 << 20).build());
        } catch (AshlarException.Invalid e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void zeroesTheShardAndNotTheRestOfItsSlots() throws AshlarException {
        int shardBytes = 64 << 10;
        long base = ArenaLayout.of(TestDrive.CAPACITY_BYTES).slotAt(0);
        var arena = drive.directory.arena();
        long within = base + shardBytes - 1;
        long beyond = base + shardBytes;
        arena.flipBit(within);
        arena.flipBit(beyond);
        drive.create(segment.create(shard).toBuilder().setShardBytes(shardBytes).build());
        assertThat(drive.drive.shardBase(shard)).isEqualTo(base);
        assertThat(arena.page(within / 4096)).containsOnly(0);
        assertThat(arena.page(beyond / 4096)).contains(1);
    }
}
