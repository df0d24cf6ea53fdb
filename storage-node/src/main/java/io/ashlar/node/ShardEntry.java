package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.CreateShard;

/**
 * What the catalogue says of a shard.
 *
 * @param epoch of the volume's writer that created the segment
 * @param sequence of the segment within its volume
 * @param shardBytes the length of its record space
 * @param fenceEpoch writers below it are refused
 * @param seal how it ended, or {@link Seal#NONE} while it is open
 * @param uncleanStop its node stopped uncleanly while it was open, so writes may have been cut
 *     short
 * @param holesProveNothing bytes were lost, or never copied yet: a place that holds zeros is no
 *     proof that nothing was written there
 */
record ShardEntry(
        ShardKey key,
        VolumeId volume,
        long epoch,
        long sequence,
        Policy policy,
        long shardBytes,
        Run run,
        long fenceEpoch,
        Seal seal,
        boolean uncleanStop,
        boolean holesProveNothing) {

    /** The slots it takes. */
    record Run(int firstSlot, int slotCount) {}

    /**
     * The end of a shard.
     *
     * @param sealedBytes stripes count up to here
     * @param stripeCount stripes of the segment below that
     * @param cells that this shard must hold of them
     */
    record Seal(long sealedBytes, long stripeCount, int cells) {
        /** Of a shard that is open. */
        static final Seal NONE = new Seal(-1, 0, 0);
    }

    /** The entry, without slots, of a shard that is to be created. */
    static ShardEntry of(CreateShard request) throws AshlarException.Invalid {
        if (request.getShardBytes() <= 0
                || request.getShardBytes() % CellFormat.ALIGN_BYTES != 0
                || request.getShardBytes() > MAX_SHARD_BYTES) {
            throw new AshlarException.Invalid("a shard of " + request.getShardBytes()
                    + " bytes: expected a multiple of " + CellFormat.ALIGN_BYTES + " up to "
                    + MAX_SHARD_BYTES);
        }
        Policy policy = Policy.parse(request.getPolicy());
        if (request.getShard().getIndex() < 0 || request.getShard().getIndex() >= policy.n()) {
            throw new AshlarException.Invalid("shard " + request.getShard().getIndex() + " of "
                    + policy + ", which has " + policy.n());
        }
        return new ShardEntry(
                ShardKey.of(request.getShard()),
                VolumeId.of(request.getVolume()),
                request.getEpoch(),
                request.getSequence(),
                policy,
                request.getShardBytes(),
                NO_RUN,
                request.getEpoch(),
                Seal.NONE,
                false,
                false);
    }

    private static final long MAX_SHARD_BYTES = 1L << 40;

    /** Of a shard that has no slots yet. */
    static final Run NO_RUN = new Run(-1, 0);

    boolean sealed() {
        return !seal.equals(Seal.NONE);
    }

    /** Records count up to here. */
    long limitBytes() {
        return sealed() ? seal.sealedBytes() : shardBytes;
    }

    ShardEntry withFence(long epoch) {
        return with(epoch, seal, uncleanStop, holesProveNothing);
    }

    ShardEntry withSeal(Seal seal) {
        return with(fenceEpoch, seal, uncleanStop, holesProveNothing);
    }

    ShardEntry afterUncleanStop() {
        return with(fenceEpoch, seal, true, holesProveNothing);
    }

    ShardEntry afterLoss() {
        return with(fenceEpoch, seal, uncleanStop, true);
    }

    /** All that ever changes. */
    private ShardEntry with(
            long fenceEpoch, Seal seal, boolean uncleanStop, boolean holesProveNothing) {
        return new ShardEntry(
                key,
                volume,
                epoch,
                sequence,
                policy,
                shardBytes,
                run,
                fenceEpoch,
                seal,
                uncleanStop,
                holesProveNothing);
    }
}
