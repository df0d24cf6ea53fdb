package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/** What happens to the pages that say which shards a drive has. */
final class CatalogueFaults {
    private static final int PAGE_BITS = SimulatedFile.PAGE_BYTES * 8;

    private final World world;
    private final RandomGenerator random;
    private final Account account;

    CatalogueFaults(World world, RandomGenerator random, Account account) {
        this.world = world;
        this.random = random;
        this.account = account;
    }

    private SimulatedNode anyNode() {
        return world.nodes().get(random.nextInt(world.nodes().size()));
    }

    /** One of the two copies of a page is gone, or old, when the node starts again: nobody is to notice. */
    boolean loseCopy() {
        SimulatedNode node = anyNode();
        FoundCatalogue.Page page = pageOf(node, ignored -> true);
        if (page == null) {
            return false;
        }
        long copy = page.firstPage() + random.nextInt(2);
        node.inTrouble();
        node.kill();
        switch (random.nextInt(4)) {
            case 0 -> page.arena().flipBit(copy, random.nextInt(PAGE_BITS));
            case 1 -> page.arena().overwrite(copy, null);
            case 2 -> page.arena().loseLastWrite(copy);
            default -> page.arena().makeUnreadable(copy);
        }
        world.fault(
                FaultKind.CATALOGUE_COPY_LOST,
                node.name() + " killed, page " + copy + " of its catalogue is gone");
        return true;
    }

    /** Both copies of a page about a shard are gone when the node starts again: so is the shard. */
    boolean losePage() {
        return losePage(anyNode(), shard -> true);
    }

    /** So is this one. */
    boolean loseShard(SimulatedNode node, ShardRef lost) {
        return losePage(
                node,
                shard -> shard.segment().equals(SegmentId.of(lost.getSegment()))
                        && shard.index() == lost.getIndex()
                        && shard.incarnation() == lost.getIncarnation());
    }

    /** So is one of a segment's other shards. */
    boolean loseShardOf(SegmentId segment, int except) {
        Segment known = world.metadata().segment(segment);
        int shards = known == null ? 0 : known.getPlacementsCount();
        if (known == null || shards < 2) {
            return false;
        }
        int first = random.nextInt(shards - 1);
        for (int i = 0; i < shards - 1; i++) {
            int index = (except + 1 + (first + i) % (shards - 1)) % shards;
            boolean lost = losePage(
                    world.node(known.getPlacements(index).getNode()),
                    shard -> shard.segment().equals(segment) && shard.index() == index);
            if (lost) {
                return true;
            }
        }
        return false;
    }

    private boolean losePage(SimulatedNode node, Predicate<CatalogueCopy.Shard> fits) {
        FoundCatalogue.Page page = pageOf(
                node, shard -> shard != null && fits.test(shard) && account.mayLose(node, shard));
        if (page == null) {
            return false;
        }
        node.inTrouble();
        node.kill();
        page.arena().flipBit(page.firstPage(), random.nextInt(PAGE_BITS));
        page.arena().flipBit(page.firstPage() + 1, random.nextInt(PAGE_BITS));
        account.lost(page.shard());
        world.fault(
                FaultKind.CATALOGUE_PAGE_LOST,
                node.name() + " killed, its catalogue has lost " + page.shard());
        return true;
    }

    /** One that is there twice, on a node that may be killed. */
    private FoundCatalogue.@Nullable Page pageOf(
            SimulatedNode node, Predicate<CatalogueCopy.@Nullable Shard> fits) {
        if (!node.isUp() || node.isPaused() || !account.mayKill(node)) {
            return null;
        }
        List<FoundCatalogue.Page> pages = node.drives().stream()
                .filter(drive -> !drive.isAbsent())
                .map(SimulatedDrive::arena)
                .filter(Objects::nonNull)
                .flatMap(arena -> FoundCatalogue.of(world, arena).pages().stream())
                .filter(page -> page.isTwice() && fits.test(page.shard()))
                .toList();
        return pages.isEmpty() ? null : pages.get(random.nextInt(pages.size()));
    }
}
