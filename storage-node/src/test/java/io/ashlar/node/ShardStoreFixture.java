package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ShardRef;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** One shard on one drive, to be written by hand. */
abstract class ShardStoreFixture {
    static final int CELL_BYTES = 8192;
    final TestSegment segment = TestSegment.rs42();
    TestDrive drive = newDrive();
    ShardRef shard = segment.shard(0, drive.drive.id());
    final List<TestSegment.Written> stripes = new ArrayList<>();

    static TestDrive newDrive() {
        try {
            return new TestDrive();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    TestSegment.Written next(int d, int cellBytes) {
        long offset = stripes.isEmpty() ? 0 : stripes.getLast().stripe().endOffset();
        var stripe = segment.stripe(stripes.size(), offset, d, cellBytes);
        stripes.add(stripe);
        return stripe;
    }

    TestSegment.Written next() {
        return next(4, CELL_BYTES);
    }

    void append(TestSegment.Written stripe) throws AshlarException {
        drive.append(segment.append(shard, stripe), stripe.record(0));
    }

    AppendCell recovery(TestSegment.Written stripe, long epoch) {
        return segment.append(shard, stripe).toBuilder()
                .setRecovery(true)
                .setEpoch(epoch)
                .build();
    }

    byte[] read(TestSegment.Written stripe) throws AshlarException {
        return drive.read(ReadCell.newBuilder()
                .setShard(shard)
                .setOffset(stripe.stripe().identity().offset())
                .setPieceCount(stripe.stripe().geometry().piecesPerCell())
                .build());
    }

    void createAndAppend(int count) throws AshlarException {
        drive.create(segment.create(shard));
        for (int i = 0; i < count; i++) {
            append(next());
        }
    }

    long place(int stripe) {
        long base = drive.drive.shardBase(shard);
        return base + stripes.get(stripe).stripe().identity().offset();
    }
}
