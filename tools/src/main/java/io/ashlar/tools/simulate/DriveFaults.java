package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.random.RandomGenerator;

/** What drives do to what was durable on them, as far as the account allows it. */
final class DriveFaults {
    private static final int TRIES = 20;
    private static final int PAGE_BITS = SimulatedFile.PAGE_BYTES * 8;

    /** Of the format version, behind the node's stamp: every reader needs it. */
    static final int HEADER_BIT = 24 * 8;

    private final World world;
    private final RandomGenerator random;
    private final Account account;

    DriveFaults(World world, RandomGenerator random, Account account) {
        this.world = world;
        this.random = random;
        this.account = account;
    }

    /** A record that may be damaged, and its drive. */
    private record Victim(SimulatedDrive drive, FoundRecord record) {}

    private @Nullable Victim victim() {
        SimulatedNode node = world.nodes().get(random.nextInt(world.nodes().size()));
        SimulatedDrive drive = node.drives().get(random.nextInt(node.drives().size()));
        List<FoundRecord> records = FoundRecord.on(drive);
        if (!node.isUp() || records.isEmpty()) {
            return null;
        }
        for (int i = 0; i < TRIES; i++) {
            FoundRecord record = records.get(random.nextInt(records.size()));
            if (account.mayDamage(drive, record)) {
                return new Victim(drive, record);
            }
        }
        return null;
    }

    boolean flipBit() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        int page = random.nextInt(victim.record.pageCount());
        flipBit(victim, page, page == 0 ? HEADER_BIT : random.nextInt(PAGE_BITS));
        return true;
    }

    /** So that nobody can read the record. */
    void flipHeaderBit(SimulatedDrive drive, FoundRecord record) {
        flipBit(new Victim(drive, record), 0, HEADER_BIT);
    }

    private void flipBit(Victim victim, int page, int bit) {
        FoundRecord record = victim.record;
        record.arena().flipBit(record.page() + page, bit);
        account.damaged(victim.drive, record);
        tell("a bit flipped", victim);
    }

    /** It said that it had written, and had not: the place is as it was before. */
    boolean loseWrite() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        erase(victim.record);
        account.damaged(victim.drive, victim.record);
        tell("a write was lost", victim);
        return true;
    }

    private static void erase(FoundRecord record) {
        for (int i = 0; i < record.pageCount(); i++) {
            record.arena().overwrite(record.page() + i, null);
        }
    }

    /** It wrote to another place: what should be here is there, and what was there is gone. */
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
        for (FoundRecord other : FoundRecord.on(victim.drive)) {
            if (account.mayDamage(victim.drive, other)) {
                for (int i = 0; i < Math.min(other.pageCount(), bytes.length); i++) {
                    other.arena().overwrite(other.page() + i, bytes[i]);
                }
                account.damaged(victim.drive, other);
                break;
            }
        }
        tell("a write was misdirected", victim);
        return true;
    }

    boolean makeUnreadable() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        FoundRecord record = victim.record;
        record.arena().makeUnreadable(record.page() + random.nextInt(record.pageCount()));
        account.damaged(victim.drive, record);
        tell("a sector became unreadable", victim);
        return true;
    }

    private void tell(String what, Victim victim) {
        world.note("FAULT " + what + " on " + victim.drive.name() + ": shard "
                + victim.record.shardIndex() + ", " + victim.record.stripe());
    }
}
