package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Segment;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * So many nodes die together with a writer, whose volume is taken over at once, that nobody can know
 * of its last stripes what was acknowledged: most nodes, or just those that hold the last stripe. At
 * times one of the dead comes back without its arena.
 */
final class DarkTakeover {
    private final World world;
    private final RandomGenerator random;
    private final Account account;
    private final WriterFaults writers;

    DarkTakeover(World world, RandomGenerator random, Account account, WriterFaults writers) {
        this.world = world;
        this.random = random;
        this.account = account;
        this.writers = writers;
    }

    /** False where that cannot be now. */
    boolean inject() {
        VolumeUse volume = writers.volume();
        List<SimulatedNode> dying = random.nextBoolean() ? holdersOfLastStripe(volume) : most();
        boolean possible = !dying.isEmpty()
                && dying.size() < world.nodes().size()
                && dying.stream().allMatch(this::mayDie);
        if (!possible) {
            return false;
        }
        List<SimulatedDrive> drives = dying.getFirst().drives();
        SimulatedDrive drive = drives.get(random.nextInt(drives.size()));
        boolean losing = random.nextInt(3) == 0 && account.mayLose(drive);
        world.note("FAULT " + dying.stream().map(SimulatedNode::name).toList() + " are killed"
                + (losing ? ", the arena of " + drive.name() + " is gone" : ""));
        for (SimulatedNode node : dying) {
            node.inTrouble();
            node.kill();
        }
        if (losing) {
            drive.loseArena();
        }
        writers.replace(volume);
        return true;
    }

    private List<SimulatedNode> most() {
        List<SimulatedNode> most = new ArrayList<>(world.nodes());
        int left = 1 + random.nextInt(Math.max(1, most.size() / 2));
        while (left-- > 0) {
            most.remove(random.nextInt(most.size()));
        }
        return most;
    }

    /** Of the last segment of a volume that holds any; empty where none does. */
    private List<SimulatedNode> holdersOfLastStripe(VolumeUse volume) {
        List<Segment> open = world.metadata().unsealedSegments(volume.id());
        FoundRecord last = null;
        for (Segment segment : open) {
            SegmentId id = SegmentId.of(segment.getId());
            FoundRecord end = world.nodes().stream()
                    .flatMap(node -> node.drives().stream())
                    .flatMap(drive -> FoundRecord.on(drive).stream())
                    .filter(record -> record.segment().equals(id))
                    .max(Comparator.comparingLong(record -> record.stripe().endOffset()))
                    .orElse(null);
            last = end == null ? last : end;
        }
        if (last == null) {
            return List.of();
        }
        Segment segment = world.metadata().segment(last.segment());
        Set<String> holders = new TreeSet<>();
        for (int i = 0; segment != null && i < last.stripe().geometry().participants(); i++) {
            int shard = last.stripe().shardOfParticipant(i);
            holders.add(segment.getPlacements(shard).getNode());
        }
        return holders.stream().map(world::node).toList();
    }

    private boolean mayDie(SimulatedNode node) {
        return node.isUp() && !node.isPaused() && account.mayKill(node);
    }
}
