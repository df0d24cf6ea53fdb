package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.transport.Buffer;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

/** What a shard says was never written, and what it does not know (INV-6). */
final class TruthfulNegativesTest extends ShardStoreFixture {

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
}
