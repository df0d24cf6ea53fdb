package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.Headers;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardVerified;
import io.ashlar.client.transport.Buffer;

import org.jspecify.annotations.Nullable;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** A drive over a fake directory, whose tasks run on the test's thread. */
final class TestDrive {
    static final long CAPACITY_BYTES = 24L << 20;
    static final long MAX_QUEUED_APPEND_BYTES = 256L << 10;

    final FakeDriveDirectory directory;
    final TaskQueue writer = new TaskQueue();
    final TaskQueue readers = new TaskQueue();
    final DamageLog damage = new DamageLog();
    Drive drive;

    TestDrive() throws IOException {
        this(new FakeDriveDirectory(), 1);
    }

    /** One of several drives: the seed makes its identity. */
    TestDrive(long seed) throws IOException {
        this(new FakeDriveDirectory(), seed);
    }

    private TestDrive(FakeDriveDirectory directory, long seed) throws IOException {
        this.directory = directory;
        this.drive = open(directory, seed);
    }

    private Drive open(FakeDriveDirectory directory, long seed) throws IOException {
        return Drive.open(
                directory,
                new Drive.Settings("n1", CAPACITY_BYTES, MAX_QUEUED_APPEND_BYTES),
                new Drive.Threads(writer, readers),
                new SplittableRandom(seed),
                damage,
                () -> {});
    }

    /** Ends the process as it is and starts another one. */
    TestDrive afterKill() throws IOException {
        directory.kill();
        return new TestDrive(directory, 2);
    }

    TestDrive afterCleanStop() throws IOException {
        run();
        drive.stop();
        run();
        drive.close();
        return new TestDrive(directory, 3);
    }

    TestDrive afterPowerCut(SplittableRandom random) throws IOException {
        directory.cutPower(random);
        return new TestDrive(directory, 4);
    }

    void run() {
        while (writer.runOne() || readers.runOne()) {
            // until neither has anything to do
        }
    }

    /** What was answered, once everything has run. */
    static final class Outcome<T> implements Completion<T> {
        private @Nullable T value;
        private @Nullable AshlarException cause;

        @Override
        public void done(T value) {
            answered();
            this.value = value;
        }

        @Override
        public void failed(AshlarException cause) {
            answered();
            this.cause = cause;
        }

        private void answered() {
            if (isAnswered()) {
                throw new IllegalStateException("answered twice");
            }
        }

        boolean isAnswered() {
            return value != null || cause != null;
        }

        T get() throws AshlarException {
            if (cause != null) {
                throw cause;
            }
            if (value == null) {
                throw new IllegalStateException("not answered");
            }
            return value;
        }
    }

    <T> T ask(Consumer<Completion<T>> request) throws AshlarException {
        Outcome<T> outcome = new Outcome<>();
        request.accept(outcome);
        run();
        return outcome.get();
    }

    void create(CreateShard request) throws AshlarException {
        ShardEntry entry = ShardEntry.of(request);
        DriveId id = DriveId.of(request.getShard().getDrive());
        this.<Done>ask(completion -> drive.create(id, entry, false, completion));
    }

    void append(AppendCell request, Buffer record) throws AshlarException {
        this.<Done>ask(completion -> drive.append(request, record, completion));
    }

    ShardFenced fence(ShardRef shard, long epoch) throws AshlarException {
        return ask(completion -> drive.fence(shard, epoch, completion));
    }

    void seal(ShardRef shard, long sealedBytes, int cells) throws AshlarException {
        var seal = new ShardEntry.Seal(sealedBytes, cells, cells);
        this.<Done>ask(completion -> drive.seal(shard, seal, completion));
    }

    void delete(ShardRef shard) throws AshlarException {
        this.<Done>ask(completion -> drive.delete(shard, completion));
    }

    byte[] read(ReadCell request) throws AshlarException {
        Reply reply = ask(completion -> drive.reads().read(request, completion));
        return bytesOf(reply);
    }

    static byte[] bytesOf(Reply reply) {
        var bytes = new ByteArrayOutputStream();
        for (Buffer buffer : reply.bulk()) {
            bytes.writeBytes(buffer.segment().toArray(Little.BYTE));
            buffer.release();
        }
        return bytes.toByteArray();
    }

    /** Offsets of the records that are listed, and the ranges that are unknown. */
    record Listing(List<Long> records, List<String> unknown) {}

    Listing list(ShardRef shard) throws AshlarException {
        List<Long> records = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        long from = 0;
        long end = TestSegment.SHARD_BYTES;
        while (from < end) {
            ReadHeaders request = ReadHeaders.newBuilder()
                    .setShard(shard)
                    .setFromOffset(from)
                    .setVerifyCells(true)
                    .setMaxBytes(8192)
                    .build();
            Reply reply = ask(completion -> drive.reads().readHeaders(request, completion));
            Headers headers = reply.response().getHeaders();
            addOffsets(bytesOf(reply), records);
            headers.getUnknownList()
                    .forEach(range -> unknown.add(range.getOffset() + "+" + range.getLength()));
            from = headers.getNextOffset();
        }
        return new Listing(records, unknown);
    }

    private static void addOffsets(byte[] headers, List<Long> offsets) {
        MemorySegment bytes = MemorySegment.ofArray(headers);
        for (long at = 0; at < headers.length; ) {
            Stripe stripe =
                    Objects.requireNonNull(CellFormat.read(bytes.asSlice(at))).stripe();
            offsets.add(stripe.identity().offset());
            at += stripe.geometry().headerBytes();
        }
    }

    ShardVerified verify(ShardRef shard, long upTo, int cells) throws AshlarException {
        return ask(completion -> drive.reads().verify(shard, upTo, cells, completion));
    }
}
