package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Power cuts, rot, full and failing drives. */
final class DriveFaultsTest extends ShardStoreFixture {

    @Test
    void keepsItsCatalogueWhenEitherCopyOfAPageRots() throws IOException {
        createAndAppend(1);
        drive.fence(shard, 6);
        int page = ArenaLayout.of(TestDrive.CAPACITY_BYTES).firstShardPage();
        for (int copy = 0; copy < 2; copy++) {
            drive.directory.arena().flipBit(ArenaLayout.pageAt(page, copy) + 1000);
            drive = drive.afterKill();
            assertThatThrownBy(() -> drive.fence(shard, 5))
                    .isInstanceOf(AshlarException.Fenced.class);
        }
    }

    @Test
    void keepsItsCatalogueWhenEitherCopyOfAPageIsUnreadable() throws IOException {
        createAndAppend(1);
        drive.fence(shard, 6);
        int shardPage = ArenaLayout.of(TestDrive.CAPACITY_BYTES).firstShardPage();
        for (int page : List.of(ArenaLayout.SUPERBLOCK_PAGE, shardPage)) {
            for (int copy = 0; copy < 2; copy++) {
                drive.directory.arena().makeUnreadable(ArenaLayout.pageAt(page, copy));
                drive = drive.afterKill();
                assertThatThrownBy(() -> drive.fence(shard, 5))
                        .isInstanceOf(AshlarException.Fenced.class);
            }
        }
    }

    @Test
    void keepsEveryAcknowledgedRecordThroughPowerCuts() throws IOException {
        for (int seed = 0; seed < 60; seed++) {
            drive = newDrive();
            shard = segment.shard(0, drive.drive.id());
            stripes.clear();
            createAndAppend(3);
            for (int i = 0; i <= seed % 6; i++) {
                var unanswered = next();
                drive.drive.append(
                        segment.append(shard, unanswered),
                        unanswered.record(0),
                        new TestDrive.Outcome<>());
            }
            for (int i = 0; i <= seed % 6; i++) {
                drive.writer.runOne();
            }
            drive = drive.afterPowerCut(new SplittableRandom(seed));
            for (int i = 0; i < 3; i++) {
                assertThat(read(stripes.get(i)))
                        .as("seed " + seed)
                        .isEqualTo(stripes.get(i).cell(0));
            }
            assertThat(drive.list(shard).unknown()).as("seed " + seed).isEmpty();
        }
    }

    @Test
    void recyclesTheSpaceOfDeletedShardsWithoutTheirRecords() throws IOException {
        createAndAppend(3);
        long base = drive.drive.shardBase(shard);
        drive.delete(shard);
        var later = new TestSegment(77, segment.policy);
        ShardRef other = later.shard(0, drive.drive.id());
        drive.create(later.create(other));
        assertThat(drive.drive.shardBase(other)).isEqualTo(base);
        assertThat(drive.list(other)).isEqualTo(new TestDrive.Listing(List.of(), List.of()));
        drive = drive.afterPowerCut(new SplittableRandom(4));
        assertThatThrownBy(() -> drive.list(shard)).isInstanceOf(AshlarException.NotFound.class);
        assertThat(drive.list(other).unknown()).isEmpty();
    }

    @Test
    void aFullDriveRefusesNewShardsAndGoesOnWithTheOthers() throws AshlarException {
        List<ShardRef> created = new ArrayList<>();
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 100; i++) {
                        var one = new TestSegment(1000 + i, segment.policy);
                        ShardRef ref = one.shard(0, drive.drive.id());
                        drive.create(one.create(ref));
                        created.add(ref);
                    }
                })
                .isInstanceOf(AshlarException.NoSpace.class);
        assertThat(created).hasSizeGreaterThan(10);
        assertThat(drive.drive.info().getUsedBytes())
                .isEqualTo(drive.drive.info().getCapacityBytes());
        drive.delete(created.getFirst());
        createAndAppend(1);
    }

    @Test
    void aFileSystemWithoutRoomFailsTheShardNotTheDrive() throws AshlarException {
        drive.directory.full = true;
        assertThatThrownBy(() -> drive.create(segment.create(shard)))
                .isInstanceOf(AshlarException.NoSpace.class);
        drive.directory.full = false;
        createAndAppend(1);
    }

    @Test
    void aFailedSyncFailsTheDriveForGood() throws IOException {
        createAndAppend(1);
        drive.directory.failSyncs = true;
        assertThatThrownBy(() -> append(next())).isInstanceOf(AshlarException.Unavailable.class);
        drive.directory.failSyncs = false;
        assertThatThrownBy(() -> append(next())).isInstanceOf(AshlarException.Unavailable.class);
        assertThatThrownBy(() -> read(stripes.getFirst()))
                .isInstanceOf(AshlarException.Unavailable.class);
        assertThat(drive.drive.info().getFailure()).isEqualTo("cannot sync");
    }

    @Test
    void aFailedDriveStaysFailedAfterARestart() throws IOException {
        createAndAppend(1);
        drive.directory.failWrites = true;
        var stripe = next();
        assertThatThrownBy(() -> append(stripe)).isInstanceOf(AshlarException.Unavailable.class);
        drive.directory.failWrites = false;
        drive.directory.create(DriveOpener.FAILED).close();
        drive = drive.afterKill();
        assertThat(drive.drive.info().getFailure()).isNotEmpty();
        assertThatThrownBy(() -> read(stripes.getFirst()))
                .isInstanceOf(AshlarException.Unavailable.class);
    }

    @Test
    void aReadForWhichThereIsNoMemoryIsAnswered() throws AshlarException {
        createAndAppend(1);
        drive.directory.refuseMemoryOnce();
        assertThatThrownBy(() -> read(stripes.getFirst()))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("memory");
        assertThat(read(stripes.getFirst())).isEqualTo(stripes.getFirst().cell(0));
    }

    @Test
    void aScanForWhichThereIsNoMemoryIsAnsweredAndMadeAnew() throws IOException {
        createAndAppend(2);
        drive = drive.afterKill();
        drive.directory.refuseMemoryOnce();
        var fenced = new TestDrive.Outcome<ShardFenced>();
        var appended = new TestDrive.Outcome<Done>();
        var stripe = next();
        drive.drive.fence(shard, 7, fenced);
        drive.drive.append(recovery(stripe, 7), stripe.record(0), appended);
        drive.run();
        assertThatThrownBy(fenced::get).isInstanceOf(AshlarException.Unavailable.class);
        assertThatThrownBy(appended::get).isInstanceOf(AshlarException.Unavailable.class);
        assertThat(drive.fence(shard, 7).getHighestEpoch()).isEqualTo(7);
        drive.append(recovery(stripe, 7), stripe.record(0));
        assertThat(drive.drive.failure()).isEmpty();
    }

    @Test
    void refusesRecordsBeyondTheMemoryThatMayWait() throws AshlarException {
        createAndAppend(1);
        var stripe = next(4, 8192);
        int recordBytes = stripe.stripe().geometry().recordBytes();
        int room = (int) (TestDrive.MAX_QUEUED_APPEND_BYTES / recordBytes);
        List<TestDrive.Outcome<Done>> outcomes = new ArrayList<>();
        for (int i = 0; i <= room; i++) {
            var outcome = new TestDrive.Outcome<Done>();
            drive.drive.append(segment.append(shard, stripe), stripe.record(0), outcome);
            outcomes.add(outcome);
        }
        assertThatThrownBy(outcomes.removeLast()::get)
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("overloaded");
        drive.run();
        for (TestDrive.Outcome<Done> outcome : outcomes) {
            outcome.get();
        }
        append(stripe);
    }

    @Test
    void tellsNothingOfAShardThatIsDeletedWhileItIsRead() throws AshlarException {
        createAndAppend(3);
        replaceDuringRead();
        assertThatThrownBy(() -> drive.list(shard)).isInstanceOf(AshlarException.NotFound.class);
    }

    @Test
    void findsNoDamageInAShardThatIsDeletedWhileItIsVerified() throws AshlarException {
        createAndAppend(3);
        long end = stripes.getLast().stripe().endOffset();
        replaceDuringRead();
        assertThatThrownBy(() -> drive.verify(shard, end, 3))
                .isInstanceOf(AshlarException.NotFound.class);
    }

    @Test
    void answersEverybodyWhoWaitsForASyncOrAScanBehindOneWhoFails() throws IOException {
        createAndAppend(1);
        drive = drive.afterKill();
        var fenced = new TestDrive.Outcome<ShardFenced>();
        drive.drive.fence(shard, 7, new Failing<>());
        drive.drive.fence(shard, 7, fenced);
        drive.run();
        assertThat(fenced.get().getHighestEpoch()).isEqualTo(7);
        var deleted = new TestDrive.Outcome<Done>();
        drive.drive.delete(shard, new Failing<>());
        drive.drive.delete(shard, deleted);
        drive.run();
        assertThat(deleted.isAnswered()).isTrue();
    }

    /** Somebody who cannot take an answer. */
    private static final class Failing<T> implements Completion<T> {
        @Override
        public void done(T value) {
            throw new IllegalStateException("a bug");
        }

        @Override
        public void failed(AshlarException cause) {
            throw new IllegalStateException("a bug", cause);
        }
    }

    /** Another shard takes the slots, which are zeroed for it. */
    private void replaceDuringRead() throws AshlarException {
        var other = new TestSegment(77, segment.policy);
        ShardEntry entry = ShardEntry.of(other.create(other.shard(0, drive.drive.id())));
        drive.directory.duringRead = () -> {
            drive.drive.delete(shard, new TestDrive.Outcome<>());
            runWriter();
            drive.drive.create(drive.drive.id(), entry, false, new TestDrive.Outcome<>());
            runWriter();
        };
    }

    private void runWriter() {
        while (drive.writer.runOne()) {
            // until it has nothing to do
        }
    }
}
