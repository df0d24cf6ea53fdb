package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.random.RandomGenerator;

/** What drives do to what was durable on them, as far as the account allows it. */
final class DriveFaults {
    private static final int TRIES = 20;
    private static final int PAGE_BITS = SimulatedFile.PAGE_BYTES * 8;

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
        account.damaged(victim.drive, victim.record);
        FoundRecord record = victim.record;
        int page = random.nextInt(record.pageCount());
        boolean header = page < record.headerPages();
        record.arena().flipBit(record.page() + page, header ? 8 * 24 : random.nextInt(PAGE_BITS));
        tell("a bit flipped", victim);
        return true;
    }

    /** It said that it had written, and had not: the place is as it was before. */
    boolean loseWrite() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        account.damaged(victim.drive, victim.record);
        erase(victim.record);
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
        account.damaged(victim.drive, victim.record);
        for (FoundRecord other : FoundRecord.on(victim.drive)) {
            if (other.page() != victim.record.page() && account.mayDamage(victim.drive, other)) {
                account.damaged(victim.drive, other);
                int pages = Math.min(other.pageCount(), victim.record.pageCount());
                for (int i = 0; i < pages; i++) {
                    byte[] bytes = victim.record.arena().page(victim.record.page() + i);
                    other.arena().overwrite(other.page() + i, bytes);
                }
                break;
            }
        }
        erase(victim.record);
        tell("a write was misdirected", victim);
        return true;
    }

    boolean makeUnreadable() {
        Victim victim = victim();
        if (victim == null) {
            return false;
        }
        account.damaged(victim.drive, victim.record);
        FoundRecord record = victim.record;
        record.arena().makeUnreadable(record.page() + random.nextInt(record.pageCount()));
        tell("a sector became unreadable", victim);
        return true;
    }

    private void tell(String what, Victim victim) {
        world.note("FAULT " + what + " on " + victim.drive.name() + ": shard "
                + victim.record.shardIndex() + ", " + victim.record.stripe());
    }
}
