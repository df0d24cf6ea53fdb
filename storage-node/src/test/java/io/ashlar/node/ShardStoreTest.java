package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

class ShardStoreTest {
    private static final int CELL_BYTES = 8192;

    private final TestSegment segment = TestSegment.rs42();
    private TestDrive drive = newDrive();
    private ShardRef shard = segment.shard(0, drive.drive.id());
    private final List<TestSegment.Written> stripes = new ArrayList<>();

    private static TestDrive newDrive() {
        try {
            return new TestDrive();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private TestSegment.Written next(int d, int cellBytes) {
        long offset = stripes.isEmpty() ? 0 : stripes.getLast().stripe().endOffset();
        var stripe = segment.stripe(stripes.size(), offset, d, cellBytes);
        stripes.add(stripe);
        return stripe;
    }

    private TestSegment.Written next() {
        return next(4, CELL_BYTES);
    }

    private void append(TestSegment.Written stripe) throws AshlarException {
        drive.append(segment.append(shard, stripe), stripe.record(0));
    }

    private AppendCell recovery(TestSegment.Written stripe, long epoch) {
        return segment.append(shard, stripe).toBuilder()
                .setRecovery(true)
                .setEpoch(epoch)
                .build();
    }

    private byte[] read(TestSegment.Written stripe) throws AshlarException {
        return drive.read(ReadCell.newBuilder()
                .setShard(shard)
                .setOffset(stripe.stripe().identity().offset())
                .setPieceCount(stripe.stripe().geometry().piecesPerCell())
                .build());
    }

    private void createAndAppend(int count) throws AshlarException {
        drive.create(segment.create(shard));
        for (int i = 0; i < count; i++) {
            append(next());
        }
    }

    private long place(int stripe) {
        long base = drive.drive.shardBase(shard);
        return base + stripes.get(stripe).stripe().identity().offset();
    }

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

    private void assertInvalid(AppendCell request, Buffer record) {
        assertThatThrownBy(() -> drive.append(request, record))
                .isInstanceOf(AshlarException.Invalid.class);
    }

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
    }

    /** The request was on its way while the segment that it was for was given up. */
    @Test
    void aRequestThatComesBehindTheDeletionCreatesNothing() throws IOException {
        drive.create(segment.create(shard));
        drive.delete(shard);
        assertThatThrownBy(() -> drive.create(segment.create(shard)))
                .isInstanceOf(AshlarException.Fenced.class);
        TestSegment other = new TestSegment(7, segment.policy);
        ShardRef neverThere = other.shard(1, drive.drive.id());
        drive.delete(neverThere);
        drive = drive.afterPowerCut(new SplittableRandom(1));
        assertThatThrownBy(() -> drive.create(other.create(neverThere)))
                .isInstanceOf(AshlarException.Fenced.class);
        assertThat(drive.drive.shardStates()).isEmpty();
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

    @Test
    void aDeletionCancelsACreationThatIsUnderWay() throws IOException {
        TestDrive.Outcome<Done> created = new TestDrive.Outcome<>();
        drive.drive.create(drive.drive.id(), largeEntry(shard), false, created);
        drive.writer.runOne();
        assertThat(drive.drive.info().getUsedBytes()).isPositive();
        drive.delete(shard);
        assertThatThrownBy(created::get).isInstanceOf(AshlarException.NotFound.class);
        assertThat(drive.drive.info().getUsedBytes()).isZero();
        drive = drive.afterKill();
        assertThat(drive.drive.shardStates()).isEmpty();
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
    void aTornRecordAfterAnUncleanStopIsANegative() throws IOException {
        createAndAppend(2);
        drive.directory.arena().flipBit(place(1) + 4096);
        drive = drive.afterKill();
        TestDrive.Listing listing = drive.list(shard);
        assertThat(listing.records()).containsExactly(0L);
        assertThat(listing.unknown()).isEmpty();
    }

    @Test
    void aTornHeaderAfterAnUncleanStopIsANegativeAndMayBeWrittenAgain() throws IOException {
        createAndAppend(2);
        drive.directory.arena().flipBit(place(1) + 100);
        drive = drive.afterKill();
        assertThat(drive.list(shard)).isEqualTo(new TestDrive.Listing(List.of(0L), List.of()));
        drive.append(recovery(stripes.get(1), 6), stripes.get(1).record(0));
        assertThat(drive.list(shard).records()).hasSize(2);
    }

    @Test
    void rotBelowAStampIsUnknownEvenAfterAnUncleanStop() throws IOException {
        createAndAppend(3);
        drive.directory.arena().flipBit(place(1) + 100);
        drive = drive.afterKill();
        TestDrive.Listing listing = drive.list(shard);
        assertThat(listing.records()).containsExactly(0L, 24576L);
        assertThat(listing.unknown()).containsExactly("12288+12288");
    }

    @Test
    void rotIsUnknownWhereTheNodeNeverStopped() throws AshlarException {
        createAndAppend(2);
        drive.directory.arena().flipBit(place(1) + 100);
        assertThat(drive.list(shard).unknown()).containsExactly("12288+12288");
    }

    @Test
    void rotIsUnknownAfterACleanStop() throws IOException {
        createAndAppend(2);
        drive.directory.arena().flipBit(place(1) + 4096);
        drive = drive.afterCleanStop();
        assertThat(drive.list(shard).unknown()).containsExactly("12288+12288");
    }

    @Test
    void aRecordThatVanishesIsUnknown() throws AshlarException {
        createAndAppend(2);
        drive.directory.arena().erase(place(1), 12288);
        assertThat(drive.list(shard).unknown()).isNotEmpty();
        assertThat(drive.list(shard).unknown().getFirst()).startsWith("12288+");
    }

    @Test
    void aRecordOfAnotherPlaceIsUnknown() throws IOException {
        drive.create(segment.create(shard));
        var stripe = next();
        Buffer record = stripe.record(0);
        try (DriveFile arena = drive.directory.open(DriveOpener.ARENA)) {
            arena.write(drive.drive.shardBase(shard) + 40960, record.segment());
        } finally {
            record.release();
        }
        TestDrive.Listing listing = drive.list(shard);
        assertThat(listing.records()).isEmpty();
        assertThat(listing.unknown()).containsExactly("0+53248");
    }

    @Test
    void whatCannotBeReadIsUnknown() throws IOException {
        createAndAppend(2);
        drive.directory.arena().makeUnreadable(place(1));
        drive = drive.afterKill();
        TestDrive.Listing listing = drive.list(shard);
        assertThat(listing.records()).containsExactly(0L);
        assertThat(listing.unknown()).hasSize(1);
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
    void aSealIsFinalAndOutlivesAPowerCut() throws IOException {
        createAndAppend(2);
        drive.seal(shard, 12288, 1);
        assertThatThrownBy(() -> drive.seal(shard, 24576, 2))
                .isInstanceOf(AshlarException.Invalid.class);
        drive = drive.afterPowerCut(new SplittableRandom(3));
        assertThat(drive.fence(shard, 9).getSealedBytes()).isEqualTo(12288);
        assertThat(drive.list(shard).records()).containsExactly(0L);
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
}
