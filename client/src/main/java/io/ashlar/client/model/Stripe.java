package io.ashlar.client.model;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/**
 * What all cells of a stripe say alike of it: everything in a record's header but the cell's role
 * and the node's stamp (INV-1).
 */
public final class Stripe {
    public static final int BLOCK_BYTES = 4096;
    public static final int PIECE_BYTES = 4096;

    private final Type type;
    private final Identity identity;
    private final Links links;
    private final Geometry geometry;
    private final List<Extent> extents;
    private final int[] blockCrcs;
    private final int[] vector;

    /**
     * Takes over the arrays.
     *
     * @param blockCrcs CRC32C of the user's bytes of every block of every data extent, in order
     * @param vector CRC32C of every 4 KiB piece of every cell: {@code vector[participant *
     *     piecesPerCell + piece]}, participants in the order of their roles
     */
    public Stripe(
            Type type,
            Identity identity,
            Links links,
            Geometry geometry,
            List<Extent> extents,
            int[] blockCrcs,
            int[] vector) {
        if (vector.length != geometry.participants() * geometry.piecesPerCell()) {
            throw new IllegalStateException(
                    "a CRC vector of " + vector.length + " for " + geometry);
        }
        this.type = type;
        this.identity = identity;
        this.links = links;
        this.geometry = geometry;
        this.extents = List.copyOf(extents);
        this.blockCrcs = blockCrcs;
        this.vector = vector;
    }

    /** What its data cells hold. */
    public enum Type {
        /** Blocks of the volume, and ranges that were zeroed. */
        DATA(1),
        /** Pages of the volume's map. */
        MAP(2),
        /** The list of the runs that make up the map. */
        ROOT(3);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        /** On the wire and on drives. */
        public int code() {
            return code;
        }

        /** The type with this code, or null. */
        public static @Nullable Type ofCode(int code) {
            for (Type type : values()) {
                if (type.code == code) {
                    return type;
                }
            }
            return null;
        }
    }

    /**
     * Which stripe it is.
     *
     * @param number counts the stripes of the segment from 0
     * @param offset where its records begin in every shard's record space, bytes
     * @param epoch of the writer that created the segment
     */
    public record Identity(
            VolumeId volume, SegmentId segment, long number, long offset, long epoch) {}

    /**
     * What it says of the log around it.
     *
     * @param predecessor the segment this one follows, or NONE
     * @param predecessorBytes the length at which it follows it
     * @param acknowledged the last acknowledged position known to the writer
     */
    public record Links(
            SegmentId predecessor,
            long predecessorBytes,
            LogPosition acknowledged,
            long writtenAtMillis) {}

    /**
     * Its shape.
     *
     * @param d data cells present, 1 to k
     * @param headerBytes of each record, a multiple of 4096
     * @param cellBytes of each cell, a multiple of 4096, may be 0
     */
    public record Geometry(Policy policy, int d, int headerBytes, int cellBytes) {

        /** Cells of the stripe: d data and m parity. */
        public int participants() {
            return d + policy.m();
        }

        public int piecesPerCell() {
            return cellBytes / PIECE_BYTES;
        }

        /** Bytes that a record takes in its shard, header and cell. */
        public int recordBytes() {
            return headerBytes + cellBytes;
        }

        /** The role of a participant: data cells come first, absent ones are skipped. */
        public int roleOf(int participant) {
            return participant < d ? participant : participant - d + policy.k();
        }

        /** The participant in a role, or -1 where the short stripe has no such cell. */
        public int participantIn(int role) {
            if (role < policy.k()) {
                return role < d ? role : -1;
            }
            return role - policy.k() + d;
        }
    }

    /** The shard that holds a role: roles rotate by stripe number. */
    public static int shardOf(int role, long stripeNumber, Policy policy) {
        return (int) ((role + stripeNumber) % policy.n());
    }

    /** The role that a shard holds. */
    public static int roleOf(int shard, long stripeNumber, Policy policy) {
        return (int) Math.floorMod(shard - stripeNumber, (long) policy.n());
    }

    /** The shard that holds a participant's cell. */
    public int shardOfParticipant(int participant) {
        return shardOf(geometry.roleOf(participant), identity.number(), geometry.policy());
    }

    /** The participant whose cell a shard holds, or -1. */
    public int participantOfShard(int shard) {
        return geometry.participantIn(roleOf(shard, identity.number(), geometry.policy()));
    }

    public Type type() {
        return type;
    }

    public Identity identity() {
        return identity;
    }

    public Links links() {
        return links;
    }

    public Geometry geometry() {
        return geometry;
    }

    public List<Extent> extents() {
        return extents;
    }

    /** Where the record space goes on behind this stripe. */
    public long endOffset() {
        return identity.offset() + geometry.recordBytes();
    }

    /** The CRC of a block, by its index among the blocks of all data extents. */
    public int blockCrc(int index) {
        return blockCrcs[index];
    }

    public int blockCrcCount() {
        return blockCrcs.length;
    }

    public int pieceCrc(int participant, int piece) {
        return vector[participant * geometry.piecesPerCell() + piece];
    }

    public int pieceCrcCount() {
        return vector.length;
    }

    /** The vector's entry at this index; see the constructor. */
    public int vector(int index) {
        return vector[index];
    }

    /** Whether cells of the two may be combined in a decode (INV-1). */
    public boolean sameAs(Stripe other) {
        return type == other.type
                && identity.equals(other.identity)
                && geometry.equals(other.geometry)
                && Arrays.equals(vector, other.vector);
    }

    @Override
    public String toString() {
        return "stripe " + identity.number() + " of segment " + identity.segment() + " at "
                + identity.offset();
    }
}
