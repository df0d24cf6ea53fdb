package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which blocks of a volume may be lost for good when an operator gives up the end of its log while
 * some nodes are dead: at most those of a stripe of an open segment that the living cannot decode;
 * and every block written so far where none of them has a header of a stripe that they are told of.
 * What lies in sealed segments is lost by no override. Known from the bytes on all drives alone.
 */
final class LossBound {
    private final World world;
    private final VolumeUse volume;
    private final Map<Place, Found> log = new TreeMap<>();
    private final boolean[] may;

    private LossBound(World world, VolumeUse volume) {
        this.world = world;
        this.volume = volume;
        this.may = new boolean[volume.blockCount()];
    }

    /** In the log. */
    private record Place(long sequence, long number) implements Comparable<Place> {
        private static final Comparator<Place> ORDER =
                Comparator.comparingLong(Place::sequence).thenComparingLong(Place::number);

        @Override
        public int compareTo(Place other) {
            return ORDER.compare(this, other);
        }
    }

    /** A stripe, and how many whole cells of it the living have. */
    private static final class Found {
        private final Stripe stripe;
        private int living;

        Found(Stripe stripe) {
            this.stripe = stripe;
        }
    }

    /** As the drives are, before anything is given up. */
    static LossBound take(World world, VolumeUse volume) {
        LossBound bound = new LossBound(world, volume);
        for (SimulatedNode node : world.nodes()) {
            node.drives().forEach(drive -> bound.look(drive, node.isUp()));
        }
        bound.walk();
        return bound;
    }

    boolean mayBeLost(int block) {
        return may[block];
    }

    /** Of these blocks. */
    int count() {
        int count = 0;
        for (boolean one : may) {
            count += one ? 1 : 0;
        }
        return count;
    }

    private void look(SimulatedDrive drive, boolean living) {
        for (FoundRecord record : FoundRecord.on(drive)) {
            Segment segment = world.metadata().segment(record.segment());
            if (segment != null && isOpen(segment, record) && isPlaced(segment, record, drive)) {
                long number = record.stripe().identity().number();
                Found found = log.computeIfAbsent(
                        new Place(segment.getSequence(), number),
                        ignored -> new Found(record.stripe()));
                found.living += living && record.isWhole() ? 1 : 0;
            }
        }
    }

    private boolean isOpen(Segment segment, FoundRecord record) {
        return segment.getState() == SegmentState.OPEN
                && segment.getVolume().equals(volume.id().toProto())
                && segment.getEpoch() == record.stripe().identity().epoch()
                && !world.account().isOutOfPlace(record);
    }

    private boolean isPlaced(Segment segment, FoundRecord record, SimulatedDrive drive) {
        DriveId placed =
                DriveId.of(segment.getPlacements(record.shardIndex()).getShard().getDrive());
        return drive == world.drive(placed);
    }

    private void walk() {
        Place told = lastTold();
        log.forEach((place, found) -> {
            if (found.living >= found.stripe.geometry().d()) {
                mark(found.stripe, false);
            } else if (found.living > 0) {
                mark(found.stripe, true);
            } else if (told != null && place.compareTo(told) <= 0) {
                Arrays.fill(may, true);
            }
        });
    }

    /** The last stripe that the living, or a root, tell of: a root lies behind what it covers. */
    private @Nullable Place lastTold() {
        Place last = null;
        for (Map.Entry<Place, Found> entry : log.entrySet()) {
            Found found = entry.getValue();
            if (found.living > 0 || found.stripe.type() != Stripe.Type.DATA) {
                last = entry.getKey();
            }
        }
        Place root = newestRoot();
        return last == null || (root != null && root.compareTo(last) > 0) ? root : last;
    }

    private @Nullable Place newestRoot() {
        VolumeRecord record = world.metadata().volume(volume.name());
        if (record == null || record.getRootsCount() == 0) {
            return null;
        }
        Root root = record.getRoots(record.getRootsCount() - 1);
        Segment segment =
                world.metadata().segment(SegmentId.of(root.getPosition().getSegment()));
        return segment == null
                ? null
                : new Place(segment.getSequence(), root.getPosition().getStripes());
    }

    private void mark(Stripe stripe, boolean lost) {
        for (Extent extent : stripe.extents()) {
            long end = Math.min(extent.endBlock(), may.length);
            for (long block = extent.firstBlock(); block < end; block++) {
                may[(int) block] = lost;
            }
        }
    }
}
