package io.ashlar.tools.simulate;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Segment;
import io.ashlar.ec.Crc32c;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/** What drives do to what was durable on them, as far as the account allows it. */
final class DriveFaults {
    private static final int TRIES = 20;
    private static final int CANDIDATES = 15;
    private static final long MAX_CHANGED_NANOS = 5_000_000_000L;
    private static final int PAGE_BITS = SimulatedFile.PAGE_BYTES * 8;

    /** Of the format version, behind the node's stamp: every reader needs it. */
    static final int HEADER_BIT = 24 * 8;

    private static final int STAMP_FROM = 8;
    private static final int STAMP_BYTES = 12;

    private final World world;
    private final RandomGenerator random;
    private final Account account;
    private final WriterFaults writers;
    private final CatalogueFaults catalogues;

    DriveFaults(
            World world,
            RandomGenerator random,
            Account account,
            WriterFaults writers,
            CatalogueFaults catalogues) {
        this.world = world;
        this.random = random;
        this.account = account;
        this.writers = writers;
        this.catalogues = catalogues;
    }

    /** A record that may be damaged, and its drive. */
    private record Victim(SimulatedDrive drive, FoundRecord record) {}

    private @Nullable Victim victim() {
        return victim(record -> true);
    }

    private @Nullable Victim victim(Predicate<FoundRecord> fits) {
        SimulatedNode node = world.nodes().get(random.nextInt(world.nodes().size()));
        SimulatedDrive drive = node.drives().get(random.nextInt(node.drives().size()));
        FoundRecord record = node.isUp() && !drive.isAbsent() ? anyRecord(drive, fits) : null;
        return record == null ? null : new Victim(drive, record);
    }

    private @Nullable FoundRecord anyRecord(SimulatedDrive drive, Predicate<FoundRecord> fits) {
        List<FoundRecord> records = FoundRecord.on(drive);
        for (int i = 0; i < TRIES && !records.isEmpty(); i++) {
            FoundRecord record = records.get(random.nextInt(records.size()));
            if (fits.test(record) && account.mayDamage(drive, record)) {
                return record;
            }
        }
        return null;
    }

    boolean flipBit() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        flipBit(victim, anyByte(victim.record) * 8L + random.nextInt(8));
        return true;
    }

    /** Of a record's cell, or of what its header uses; but not the node's stamp, which nobody misses. */
    private int anyByte(FoundRecord record) {
        Stripe.Geometry geometry = record.stripe().geometry();
        if (geometry.cellBytes() > 0 && random.nextBoolean()) {
            return geometry.headerBytes() + random.nextInt(geometry.cellBytes());
        }
        int at = random.nextInt(record.usedHeaderBytes() - STAMP_BYTES);
        return at < STAMP_FROM ? at : at + STAMP_BYTES;
    }

    /** So that nobody can read the record. */
    void flipHeaderBit(SimulatedDrive drive, FoundRecord record) {
        flipBit(new Victim(drive, record), HEADER_BIT);
    }

    private void flipBit(Victim victim, long bit) {
        FoundRecord record = victim.record;
        record.arena().flipBit(record.page() + bit / PAGE_BITS, (int) (bit % PAGE_BITS));
        account.damaged(victim.drive, record);
        tell(FaultKind.DRIVE_BIT_FLIP, "a bit flipped", victim);
    }

    /** It said that it had written, and had not: the place is as it was before. */
    boolean loseWrite() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        erase(victim.record);
        account.damaged(victim.drive, victim.record);
        tell(FaultKind.DRIVE_LOST_WRITE, "a write was lost", victim);
        return true;
    }

    private static void erase(FoundRecord record) {
        for (int i = 0; i < record.pageCount(); i++) {
            record.arena().overwrite(record.page() + i, null);
        }
    }

    /**
     * It wrote to another place: what should be here is there, where another record was, or nothing,
     * or where the next one is to be.
     */
    boolean misdirectWrite() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        FoundRecord record = victim.record;
        byte[][] bytes = new byte[record.pageCount()][];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = record.arena().page(record.page() + i);
        }
        erase(record);
        account.damaged(victim.drive, record);
        Predicate<CatalogueCopy.Shard> fits = shard -> account.mayStray(victim.drive, shard);
        switch (random.nextInt(3)) {
            case 0 -> {
                FoundRecord other = anyRecord(victim.drive, ignored -> true);
                if (other != null) {
                    writeOver(victim.drive, other, bytes);
                }
            }
            case 1 ->
                stray(victim, bytes, EmptyPlace.anywhere(world, random, record.arena(), fits));
            default ->
                stray(victim, bytes, EmptyPlace.behindRecords(world, random, record.arena(), fits));
        }
        tell(FaultKind.DRIVE_MISDIRECTED_WRITE, "a write was misdirected", victim);
        return true;
    }

    private void writeOver(SimulatedDrive drive, FoundRecord other, byte[][] bytes) {
        for (int i = 0; i < Math.min(other.pageCount(), bytes.length); i++) {
            other.arena().overwrite(other.page() + i, bytes[i]);
        }
        account.damaged(drive, other);
    }

    private void stray(Victim victim, byte[][] bytes, @Nullable EmptyPlace place) {
        if (place != null) {
            world.note("it lands on page " + place.page() + ", on nothing of " + place.shard());
            account.stray(victim.drive, place, bytes);
        }
    }

    /**
     * For a while, or until it is mended, a drive gives back a record that is whole in itself and of
     * another generation of its stripe: nobody sees that who looks at it alone. At times another
     * cell of the stripe cannot be reached, and somebody reads all that there is; or another shard
     * is lost, or another cell rots, and is made anew from what there is.
     */
    boolean changeGeneration() {
        Victim victim = newestVictim();
        if (victim == null) {
            return false;
        }
        FoundRecord record = victim.record;
        byte[] right = bytesOf(record);
        byte[] other = otherGeneration(record);
        put(record, other);
        account.damaged(victim.drive, record);
        tell(FaultKind.DRIVE_OTHER_GENERATION, "a record is of another generation", victim);
        Runnable back = () -> {
            if (Arrays.equals(bytesOf(record), other)) {
                put(record, right);
                world.nodeWith(victim.drive).inTrouble(); // who has read it goes by that still
            }
        };
        if (random.nextBoolean()) {
            boolean _ = catalogues.loseShardOf(record.segment(), record.shardIndex())
                    || rotAnother(record.stripe(), record.shardIndex());
            return true;
        }
        if (random.nextBoolean()) {
            world.schedule().world(random.nextLong(MAX_CHANGED_NANOS), back);
        }
        if (random.nextBoolean()) {
            killHolder(record.stripe(), participant(record));
        }
        return true;
    }

    /** Whoever reads finds it out. */
    private boolean rotAnother(Stripe stripe, int except) {
        List<Victim> others = world.nodes().stream()
                .filter(SimulatedNode::isUp)
                .flatMap(node -> node.drives().stream())
                .filter(drive -> !drive.isAbsent())
                .flatMap(drive ->
                        FoundRecord.on(drive).stream().map(record -> new Victim(drive, record)))
                .filter(one -> one.record.stripe().sameAs(stripe))
                .filter(one -> one.record.shardIndex() != except)
                .filter(one -> account.mayDamage(one.drive, one.record))
                .toList();
        if (others.isEmpty()) {
            return false;
        }
        Victim other = others.get(random.nextInt(others.size()));
        flipHeaderBit(other.drive, other.record);
        writers.readAll(stripe.identity().volume());
        return true;
    }

    private static byte[] bytesOf(FoundRecord record) {
        byte[] bytes = new byte[record.stripe().geometry().recordBytes()];
        record.arena().read(record.page() * SimulatedFile.PAGE_BYTES, MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static void put(FoundRecord record, byte[] bytes) {
        for (int i = 0; i < record.pageCount(); i++) {
            int from = i * SimulatedFile.PAGE_BYTES;
            record.arena()
                    .overwrite(
                            record.page() + i,
                            Arrays.copyOfRange(bytes, from, from + SimulatedFile.PAGE_BYTES));
        }
    }

    /** Of some: what was written lately is likely to be read. */
    private @Nullable Victim newestVictim() {
        Victim newest = null;
        for (int i = 0; i < CANDIDATES; i++) {
            Victim one = victim(this::mayChangeGeneration);
            if (one != null && (newest == null || writtenAtMillis(one) > writtenAtMillis(newest))) {
                newest = one;
            }
        }
        return newest;
    }

    private static long writtenAtMillis(Victim victim) {
        return victim.record.stripe().links().writtenAtMillis();
    }

    /**
     * Only one of a segment's records, and only of a stripe whose right cells prevail even when as
     * many as can be survived are gone.
     */
    private boolean mayChangeGeneration(FoundRecord record) {
        return record.stripe().geometry().d() >= 2
                && record.stripe().geometry().cellBytes() > 0
                && !account.isDamaged(record.segment());
    }

    private static int participant(FoundRecord record) {
        return record.stripe().geometry().participantIn(record.cell().role());
    }

    private void killHolder(Stripe stripe, int except) {
        Segment segment = world.metadata().segment(stripe.identity().segment());
        int participant = (except + 1 + random.nextInt(stripe.geometry().d() - 1))
                % stripe.geometry().d();
        if (segment == null) {
            return;
        }
        SimulatedNode node = world.node(
                segment.getPlacements(stripe.shardOfParticipant(participant)).getNode());
        if (node.isUp() && !node.isPaused() && account.mayKill(node)) {
            world.note(node.name() + " killed, which holds another of its cells");
            node.inTrouble();
            node.kill();
            writers.readAll(stripe.identity().volume());
        }
    }

    private byte[] otherGeneration(FoundRecord record) {
        Stripe stripe = record.stripe();
        Stripe.Geometry geometry = stripe.geometry();
        byte[] bytes = bytesOf(record);
        MemorySegment segment = MemorySegment.ofArray(bytes);
        int piece = random.nextInt(geometry.piecesPerCell());
        int at = geometry.headerBytes() + piece * Stripe.PIECE_BYTES;
        bytes[at + random.nextInt(Stripe.PIECE_BYTES)] ^= 1;
        int crc = Crc32c.of(segment, at, Stripe.PIECE_BYTES);
        int changed = participant(record) * geometry.piecesPerCell() + piece;
        CellFormat.write(withVectorEntry(stripe, changed, crc), record.cell().role(), segment);
        CellFormat.stamp(segment, record.cell().stampBytes());
        return bytes;
    }

    private static Stripe withVectorEntry(Stripe stripe, int index, int crc) {
        int[] blockCrcs = new int[stripe.blockCrcCount()];
        Arrays.setAll(blockCrcs, stripe::blockCrc);
        int[] vector = new int[stripe.pieceCrcCount()];
        Arrays.setAll(vector, i -> i == index ? crc : stripe.vector(i));
        return new Stripe(
                stripe.type(),
                stripe.identity(),
                stripe.links(),
                stripe.geometry(),
                stripe.extents(),
                blockCrcs,
                vector);
    }

    boolean makeUnreadable() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        FoundRecord record = victim.record;
        record.arena().makeUnreadable(record.page() + random.nextInt(record.pageCount()));
        account.damaged(victim.drive, record);
        tell(FaultKind.DRIVE_UNREADABLE, "a sector became unreadable", victim);
        return true;
    }

    private void tell(FaultKind kind, String what, Victim victim) {
        world.fault(
                kind,
                what + " on " + victim.drive.name() + ": shard " + victim.record.shardIndex() + ", "
                        + victim.record.stripe());
    }
}
