package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.transport.Buffer;

import org.jspecify.annotations.Nullable;

import java.util.random.RandomGenerator;

/**
 * A drive loses a shard of an open segment, and the segment's writer dies. Who takes the volume over is
 * told that there is no such shard; and then the request to make it arrives once more.
 */
final class RepeatedCreation {
    private static final long MILLI = 1_000_000;
    private static final long LOOK_NANOS = 20 * MILLI;
    private static final long PATIENCE_NANOS = 30_000 * MILLI;
    private static final long REPEATED_WITHIN_NANOS = 300 * MILLI;

    private final World world;
    private final RandomGenerator random;
    private final WriterFaults writers;
    private final CatalogueFaults catalogues;

    RepeatedCreation(
            World world, RandomGenerator random, WriterFaults writers, CatalogueFaults catalogues) {
        this.world = world;
        this.random = random;
        this.writers = writers;
        this.catalogues = catalogues;
    }

    /** A request, who sent it, and until when it matters. */
    private record Creation(SimulatedProcess by, Request request, long untilNanos) {
        CreateShard create() {
            return request.getCreateShard();
        }

        SegmentId segment() {
            return SegmentId.of(create().getShard().getSegment());
        }
    }

    /** It comes about where the shard is lost in time, and somebody asks for it under a fence. */
    boolean inject() {
        world.network()
                .onNext(
                        Request.BodyCase.CREATE_SHARD,
                        (by, request) -> awaitOpened(new Creation(by, request, untilNanos())));
        return true;
    }

    private long untilNanos() {
        return world.schedule().nowNanos() + PATIENCE_NANOS;
    }

    private boolean isOver(Creation creation) {
        return writers.areStopped() || world.schedule().nowNanos() > creation.untilNanos;
    }

    /** The drive that the shard was made on, unless it is another one by now. */
    private @Nullable SimulatedDrive driveOf(Creation creation) {
        return world.drive(DriveId.of(creation.create().getShard().getDrive()));
    }

    private void awaitOpened(Creation creation) {
        VolumeUse volume = writers.volumeOf(creation.by);
        SimulatedDrive drive = driveOf(creation);
        if (volume == null || drive == null || isOver(creation)) {
            return;
        }
        Segment segment = world.metadata().segment(creation.segment());
        boolean lost = segment != null
                && segment.getState() == SegmentState.OPEN
                && catalogues.loseShard(world.nodeWith(drive), creation.create().getShard());
        if (lost) {
            writers.killAndLeave(volume, PATIENCE_NANOS);
            awaitFence(creation);
            awaitNode(creation, volume, drive);
        } else {
            world.schedule().world(LOOK_NANOS, () -> awaitOpened(creation));
        }
    }

    /** The volume is taken over when the node can say that it has no such shard. */
    private void awaitNode(Creation creation, VolumeUse volume, SimulatedDrive drive) {
        if (isOver(creation)) {
            return;
        }
        if (world.nodeWith(drive).isUp()) {
            volume.open(true);
        } else {
            world.schedule().world(LOOK_NANOS, () -> awaitNode(creation, volume, drive));
        }
    }

    private void awaitFence(Creation creation) {
        world.network().onNext(Request.BodyCase.FENCE_SHARD, (by, request) -> {
            if (isOver(creation)) {
                return;
            }
            boolean above =
                    request.getFenceShard().getShard().equals(creation.create().getShard())
                            && request.getFenceShard().getEpoch()
                                    > creation.create().getEpoch();
            if (above) {
                world.schedule()
                        .world(random.nextLong(REPEATED_WITHIN_NANOS), () -> repeat(creation));
            } else {
                awaitFence(creation);
            }
        });
    }

    private void repeat(Creation creation) {
        SimulatedDrive drive = driveOf(creation);
        SimulatedNetwork.Served served = drive == null || writers.areStopped()
                ? null
                : world.network().at(world.nodeWith(drive).address());
        if (drive != null && served != null) {
            world.fault(
                    FaultKind.SHARD_REPEATED,
                    "a shard that is lost is to be made again on " + drive.name());
            world.network().again(creation.by, served, creation.request, Buffer.empty());
        }
    }
}
