package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeId;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * A client process that has a volume open, and the model of what it may see. Everything it asks for
 * is asked, and answered, as that process; a dead one's answers mean nothing.
 */
final class WriterSession {
    private final World world;
    private final SimulatedClient client;
    private final Volume volume;
    private final int number;
    private final ServingBound bound;
    private final long epoch;
    private @Nullable SessionModel model;
    private int inFlight;
    private boolean closed;
    private boolean fenced;

    WriterSession(
            World world, SimulatedClient client, Volume volume, int number, ServingBound bound) {
        this.world = world;
        this.bound = bound;
        this.client = client;
        this.volume = volume;
        this.number = number;
        this.epoch = volume.info().getEpoch();
    }

    SimulatedClient client() {
        return client;
    }

    Volume volume() {
        return volume;
    }

    long epoch() {
        return epoch;
    }

    /** Null until it is known what the volume held at the beginning. */
    @Nullable
    SessionModel model() {
        return model;
    }

    int inFlight() {
        return inFlight;
    }

    boolean isUsable() {
        return client.process().isAlive() && !closed && !fenced;
    }

    /** Whether the volume is recorded as this session's. */
    boolean isHolder() {
        VolumeRecord record = world.metadata().volume(VolumeId.of(volume.info().getId()));
        return record != null
                && !record.getDeleted()
                && record.getEpoch() == epoch
                && !record.getHolder().isEmpty();
    }

    boolean isFenced() {
        return fenced;
    }

    /** What it found; from now on it can be written. */
    SessionModel establish(long[] stamps) {
        SessionModel made = new SessionModel(number, epoch, stamps);
        model = made;
        return made;
    }

    SessionModel requireModel() {
        SessionModel known = model;
        if (known == null) {
            throw new IllegalStateException("the session is not established");
        }
        return known;
    }

    void write(int firstBlock, int blockCount, long stamp) {
        SessionModel.Issued one = requireModel().issue(firstBlock, blockCount, stamp);
        ask(
                stamp == 0 ? "zero" : "write",
                () -> {
                    long offset = (long) firstBlock * Content.BLOCK_BYTES;
                    return stamp == 0
                            ? volume.zeroAsync(offset, (long) blockCount * Content.BLOCK_BYTES)
                            : volume.writeAsync(
                                    offset, Content.fill(number, firstBlock, blockCount, stamp));
                },
                new Answer<>() {
                    @Override
                    public void done(Void nothing) {
                        requireModel().acknowledged(one);
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        requireModel().failed(one);
                    }
                });
    }

    void read(int firstBlock, int blockCount) {
        SessionModel known = requireModel();
        ByteBuffer bytes = ByteBuffer.allocate(blockCount * Content.BLOCK_BYTES);
        long begun = known.beginRead();
        ask(
                "read",
                () -> volume.readAsync((long) firstBlock * Content.BLOCK_BYTES, bytes),
                nothing -> {
                    bound.served(epoch, world.schedule().nowNanos());
                    known.check(begun, firstBlock, blockCount, bytes);
                    demandNoContradiction();
                });
    }

    /** What is decoded is what the cells tell, if they were combined as they may be. */
    void demandNoContradiction() {
        ask("stats", volume::statsAsync, stats -> {
            if (stats.contradictions() > 0) {
                throw new Violation(
                        "INV-1",
                        stats.contradictions() + " decodes gave other bytes than their cells tell");
            }
        });
    }

    /** Looked at a task later: of what completes together, the flush may be told first. */
    void flush() {
        SessionModel known = requireModel();
        int issuedBefore = known.issuedCount();
        ask(
                "flush",
                volume::flushAsync,
                nothing -> client.process().execute(() -> known.flushed(issuedBefore)));
    }

    void close() {
        closed = true;
        ask("close", volume::closeAsync, nothing -> {});
    }

    /** Hears how something ended. */
    interface Answer<T> {
        void done(T value);

        default void failed(AshlarException cause) {}
    }

    /** Something that the client is asked for. */
    interface Question<T> {
        CompletableFuture<T> ask();
    }

    /** Asks, in the client's process. */
    <T> void ask(String what, Question<T> question, Answer<? super T> answer) {
        inFlight++;
        Circumstances asked = Circumstances.of(world, this);
        SimulatedProcess process = client.process();
        process.execute(() -> {
            var _ = question.ask().whenComplete((value, failure) -> {
                if (!process.isAlive()) {
                    return;
                }
                inFlight--;
                Caught.in(world.schedule(), () -> {
                    if (failure == null) {
                        answer.done(value);
                    } else {
                        asked.requireReason(what, AshlarException.in(failure));
                        refused(what, AshlarException.in(failure), answer);
                    }
                });
            });
        });
    }

    private <T> void refused(String what, AshlarException cause, Answer<? super T> answer) {
        world.note(client.name() + " " + what + " failed: " + cause.getMessage());
        fenced |= cause instanceof AshlarException.Fenced;
        answer.failed(cause);
    }
}
