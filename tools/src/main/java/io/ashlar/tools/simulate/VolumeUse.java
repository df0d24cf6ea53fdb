package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The use that is made of one volume: a writer, the writers before it that do not know yet that they
 * are not it any more, and the openings under way.
 */
final class VolumeUse {
    private static final long RETRY_WITHIN_NANOS = 500_000_000L;

    private final World world;
    private final RandomGenerator random;
    private final int number;
    private final String name;
    private final int blockCount;
    private ServingBound bound;
    private final List<WriterSession> former = new ArrayList<>();
    private @Nullable WriterSession current;
    private @Nullable SessionModel newest;
    private long highestEpoch;
    private final List<SimulatedClient> openers = new ArrayList<>();
    private long lastStamp;
    private long openings;
    private long leftAloneUntilNanos;
    private boolean deleting;

    VolumeUse(World world, RandomGenerator random, int number) {
        this.world = world;
        this.random = random;
        this.number = number;
        this.name = world.settings().volumeName(number);
        this.blockCount = world.settings().volumeBlocks();
        this.bound = new ServingBound(name, world.settings());
    }

    String name() {
        return name;
    }

    /** None while there is no such volume. */
    VolumeId id() {
        VolumeRecord record = world.metadata().volume(name);
        return record == null ? VolumeId.NONE : VolumeId.of(record.getId());
    }

    /** What makes it. */
    Request creation(SimulatedClient client) {
        return Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(client.client().newRequestId())
                        .setName(name)
                        .setSizeBytes((long) blockCount * Content.BLOCK_BYTES)
                        .setPolicy(world.settings().policies().get(number).toString())
                        .setCompression("none"))
                .build();
    }

    /** Nobody uses it until there is another one of its name. */
    void delete() {
        deleting = true;
        WriterSession holder = current;
        if (holder != null) {
            holder.client().process().kill();
        }
        allLost();
        former.forEach(session -> {
            if (random.nextBoolean()) {
                session.client().process().kill();
            }
        });
        former.clear();
        new VolumeDeletion(world, this).goOn();
    }

    boolean isBeingDeleted() {
        return deleting;
    }

    void madeAnew() {
        deleting = false;
        newest = null;
        highestEpoch = 0;
        bound = new ServingBound(name, world.settings());
    }

    /** The stamps that the last session found, which wrote nothing. */
    long[] contents() {
        SessionModel session = newest;
        if (session == null || session.issuedCount() > 0) {
            throw new IllegalStateException("volume " + name + " was written since it was read");
        }
        return session.base();
    }

    int blockCount() {
        return blockCount;
    }

    int number() {
        return number;
    }

    long openings() {
        return openings;
    }

    /** The writer, where one is established. */
    @Nullable
    WriterSession current() {
        WriterSession session = current;
        return session != null && session.isUsable() ? session : null;
    }

    List<WriterSession> former() {
        return former;
    }

    /** What the last established session may show. */
    @Nullable
    SessionModel newest() {
        return newest;
    }

    boolean isOpening() {
        openers.removeIf(client -> !client.process().isAlive());
        return !openers.isEmpty();
    }

    long newStamp() {
        return ++lastStamp;
    }

    // ---- opening

    /** Another process opens the volume, and goes on trying. */
    void open(boolean steal) {
        if (deleting) {
            return;
        }
        SimulatedClient client = world.newClient();
        openers.add(client);
        attempt(client, steal);
    }

    private static OpenOptions options(SimulatedClient client, boolean steal) {
        OpenOptions options = new OpenOptions(client.name());
        return steal ? options.stealing() : options;
    }

    private void attempt(SimulatedClient client, boolean steal) {
        SimulatedProcess process = client.process();
        Circumstances before = circumstances();
        var _ = client.client()
                .openAsync(name, options(client, steal))
                .whenComplete((volume, failure) -> {
                    if (!process.isAlive()) {
                        return;
                    }
                    Caught.in(world.schedule(), () -> {
                        if (failure == null) {
                            opened(new WriterSession(world, client, volume, number, bound));
                        } else {
                            AshlarException cause = AshlarException.in(failure);
                            requireReason(before, cause);
                            notOpened(client, steal, cause);
                        }
                    });
                });
    }

    /** What is left to be decided, and messages that were lost by now. */
    private record Circumstances(List<Segment> open, long lostMessages) {
        boolean areSame(Circumstances now) {
            return lostMessages == now.lostMessages
                    && open.stream()
                            .map(Segment::getId)
                            .toList()
                            .equals(now.open.stream().map(Segment::getId).toList());
        }
    }

    private Circumstances circumstances() {
        VolumeRecord record = world.metadata().volume(name);
        List<Segment> open = record == null
                ? List.of()
                : world.metadata().unsealedSegments(VolumeId.of(record.getId()));
        return new Circumstances(open, world.network().lost());
    }

    /** Where at most m shards of each segment cannot be had, a takeover has nothing to wait for. */
    private void requireReason(Circumstances before, AshlarException cause) {
        Circumstances now = circumstances();
        boolean blocked = cause instanceof AshlarException.Unavailable reason && reason.isBlocked();
        if (blocked
                && !now.open.isEmpty()
                && before.areSame(now)
                && !world.account().mayBlock(now.open)) {
            throw new Violation(
                    "availability",
                    "volume " + name + " could be taken over: " + cause.getMessage());
        }
    }

    private void notOpened(SimulatedClient client, boolean steal, AshlarException cause) {
        world.note(client.name() + " cannot open " + name + ": " + cause.getMessage());
        switch (cause) {
            case AshlarException.Unavailable ignored -> {}
            case AshlarException.Fenced ignored -> {}
            case AshlarException.InsufficientShards ignored -> {}
            default ->
                throw new Violation(
                        "INV-8", "volume " + name + " cannot be opened: " + cause.getMessage());
        }
        retry(client, () -> {
            if (isOpening() && openers.size() > 1 && random.nextBoolean()) {
                giveUp(client);
            } else {
                attempt(client, steal);
            }
        });
    }

    private void retry(SimulatedClient client, Runnable again) {
        world.schedule().world(random.nextLong(RETRY_WITHIN_NANOS), () -> {
            if (client.process().isAlive()) {
                again.run();
            }
        });
    }

    private static void giveUp(SimulatedClient client) {
        client.process().kill();
    }

    private void opened(WriterSession session) {
        world.note(session.client().name() + " opened " + name + " at epoch " + session.epoch());
        openings++;
        highestEpoch = Math.max(highestEpoch, session.epoch());
        bound.opened(session.epoch(), world.schedule().nowNanos());
        lookAround(session);
    }

    /** Reads all of it: this is what the volume holds from now on. */
    private void lookAround(WriterSession session) {
        if (session.epoch() < highestEpoch || !session.isUsable()) {
            giveUp(session.client());
            return;
        }
        ByteBuffer bytes = ByteBuffer.allocate(blockCount * Content.BLOCK_BYTES);
        session.ask(
                "look", () -> session.volume().readAsync(0, bytes), new WriterSession.Answer<>() {
                    @Override
                    public void done(Void nothing) {
                        lookedAround(session, bytes);
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        retry(session.client(), () -> lookAround(session));
                    }
                });
    }

    private void lookedAround(WriterSession session, ByteBuffer bytes) {
        if (session.epoch() < highestEpoch) {
            giveUp(session.client());
            return;
        }
        openers.remove(session.client());
        long[] stamps = new long[blockCount];
        for (int block = 0; block < blockCount; block++) {
            stamps[block] = Content.stampOf(number, block, bytes, block * Content.BLOCK_BYTES);
        }
        SessionModel before = newest;
        if (before != null) {
            before.surviveAs(stamps);
        } else {
            requireEmpty(stamps);
        }
        newest = session.establish(stamps);
        session.demandNoContradiction();
        WriterSession last = current;
        if (last != null && last.client().process().isAlive()) {
            former.add(last);
        }
        current = session;
    }

    private void requireEmpty(long[] stamps) {
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] != 0) {
                throw new Violation(
                        "INV-8",
                        "block " + block + " of the new volume " + name + " holds write "
                                + stamps[block]);
            }
        }
    }

    /** The writer's process is gone. */
    void lost() {
        current = null;
    }

    /** So are all who were about to be. */
    void allLost() {
        current = null;
        openers.forEach(client -> client.process().kill());
    }

    /** Nobody opens it for so long: what its last writer left is for the cluster to seal. */
    void leaveAlone(long nanos) {
        leftAloneUntilNanos = world.schedule().nowNanos() + nanos;
    }

    boolean isLeftAlone() {
        return deleting || world.schedule().nowNanos() < leftAloneUntilNanos;
    }

    /** Forgets the former writers that are dead. */
    void forgetDead() {
        former.removeIf(session -> !session.client().process().isAlive());
    }
}
