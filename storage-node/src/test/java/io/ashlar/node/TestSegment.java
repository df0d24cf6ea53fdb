package io.ashlar.node;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A segment whose stripes tests write by hand. */
final class TestSegment {
    static final VolumeId VOLUME = new VolumeId(7, 7);
    static final long EPOCH = 5;
    static final long SHARD_BYTES = 1 << 20;

    final SegmentId id;
    final Policy policy;
    private final SplittableRandom random;

    TestSegment(long number, Policy policy) {
        this.id = new SegmentId(number, number + 1);
        this.policy = policy;
        this.random = new SplittableRandom(number);
    }

    static TestSegment rs42() {
        return new TestSegment(42, new Policy(4, 2));
    }

    ShardRef shard(int index, DriveId drive) {
        return ShardRef.newBuilder()
                .setSegment(id.toProto())
                .setIndex(index)
                .setIncarnation(1000 + index)
                .setDrive(drive.toProto())
                .build();
    }

    CreateShard create(ShardRef shard) {
        return CreateShard.newBuilder()
                .setShard(shard)
                .setVolume(VOLUME.toProto())
                .setEpoch(EPOCH)
                .setSequence(1)
                .setPolicy(policy.toString())
                .setShardBytes(SHARD_BYTES)
                .build();
    }

    AppendCell append(ShardRef shard, Written stripe) {
        return AppendCell.newBuilder()
                .setShard(shard)
                .setOffset(stripe.stripe().identity().offset())
                .setEpoch(EPOCH)
                .build();
    }

    /** A stripe and its records. */
    record Written(Stripe stripe, List<MemorySegment> cells) {

        /** Whether the shard holds a cell of it. */
        boolean has(int shard) {
            return stripe.participantOfShard(shard) >= 0;
        }

        byte[] cell(int shard) {
            return cells.get(stripe.participantOfShard(shard)).toArray(Little.BYTE);
        }

        /** The record for a shard, owned by the caller. */
        Buffer record(int shard) {
            int participant = stripe.participantOfShard(shard);
            Stripe.Geometry geometry = stripe.geometry();
            Buffer record = Buffer.allocate(geometry.recordBytes());
            CellFormat.write(stripe, geometry.roleOf(participant), record.segment());
            MemorySegment.copy(
                    cells.get(participant),
                    0,
                    record.segment(),
                    geometry.headerBytes(),
                    geometry.cellBytes());
            return record;
        }
    }

    /** A stripe of d data cells of random bytes, at an offset. */
    Written stripe(long number, long offset, int d, int cellBytes) {
        return stripe(number, offset, d, cellBytes, true);
    }

    /** A stripe of which every cell is what its vector says, and the parity is not of the data. */
    Written inconsistentStripe(long number, long offset, int d, int cellBytes) {
        return stripe(number, offset, d, cellBytes, false);
    }

    private Written stripe(long number, long offset, int d, int cellBytes, boolean consistent) {
        int participants = d + policy.m();
        MemorySegment[] cells = new MemorySegment[participants];
        for (int i = 0; i < participants; i++) {
            byte[] bytes = new byte[cellBytes];
            random.nextBytes(bytes);
            cells[i] = MemorySegment.ofArray(bytes);
        }
        MemorySegment[] data = Arrays.copyOf(cells, d);
        MemorySegment[] parity = Arrays.copyOfRange(cells, d, participants);
        int[] vector = new int[participants * (cellBytes / Stripe.PIECE_BYTES)];
        ReedSolomon.of(policy.k(), policy.m()).shortened(d).encode(data, parity, cellBytes, vector);
        if (!consistent) {
            MemorySegment last = cells[participants - 1];
            last.set(Little.BYTE, 0, (byte) ~last.get(Little.BYTE, 0));
            vector[vector.length - cellBytes / Stripe.PIECE_BYTES] =
                    Crc32c.of(last, 0, Stripe.PIECE_BYTES);
        }
        int blocks = d * cellBytes / Stripe.BLOCK_BYTES;
        List<Extent> extents = List.of(new Extent(
                number * 100,
                Math.max(1, blocks),
                0,
                d * cellBytes,
                cellBytes == 0 ? Extent.Kind.ZERO : Extent.Kind.DATA,
                Extent.Codec.RAW));
        int headerBytes = CellFormat.headerBytes(1, blocks, vector.length);
        var stripe = new Stripe(
                new Stripe.Identity(VOLUME, id, number, offset, EPOCH),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 1_700_000_000_000L),
                new Stripe.Geometry(policy, d, headerBytes, cellBytes),
                extents,
                new int[blocks],
                vector);
        return new Written(stripe, List.of(cells));
    }
}
