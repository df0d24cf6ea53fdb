package io.ashlar.bench;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import org.HdrHistogram.Histogram;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How a drive should keep its shards: a file each, or runs of slots of one arena. Every volume has
 * one record of 8 KiB outstanding; the drive's thread takes what is outstanding, writes it, makes it
 * durable and answers, as group commit does. Both layouts write over blocks that were written
 * before.
 *
 * <p>After a build: {@code java -cp 'bench/target/lib/*' io.ashlar.bench.ShardLayoutBenchmark
 * DIRECTORY [SECONDS]}. Prints a line for each layout and number of volumes.
 */
public final class ShardLayoutBenchmark {
    private static final int RECORD_BYTES = 8 * 1024;
    private static final int SHARD_BYTES = 8 * 1024 * 1024;
    private static final int[] VOLUME_COUNTS = {1, 16, 64};
    private static final long MAX_LATENCY_NANOS = TimeUnit.SECONDS.toNanos(10);

    private ShardLayoutBenchmark() {}

    /** Measures in the directory, which must exist, and removes what it made there. */
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 4;
        for (int volumeCount : VOLUME_COUNTS) {
            try (Layout files = filePerShard(directory, volumeCount)) {
                measure(files, volumeCount, seconds);
            }
            try (Layout arena = arena(directory, volumeCount)) {
                measure(arena, volumeCount, seconds);
            }
        }
    }

    /** Where the shards of a drive are; {@code sync} makes all that was written durable. */
    private record Layout(
            String name, List<Path> paths, List<FileChannel> channels, List<Long> starts)
            implements AutoCloseable {

        void write(int volume, ByteBuffer record, long offset) throws IOException {
            long at = starts.get(volume) + offset;
            FileChannel channel = channels.get(volume % channels.size());
            while (record.hasRemaining()) {
                at += channel.write(record, at);
            }
        }

        void sync() throws IOException {
            for (FileChannel channel : channels) {
                channel.force(false);
            }
        }

        @Override
        public void close() throws IOException {
            for (FileChannel channel : channels) {
                channel.close();
            }
            for (Path path : paths) {
                Files.delete(path);
            }
        }
    }

    private static Layout filePerShard(Path directory, int volumeCount) throws IOException {
        var layout = new Layout("files", new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int volume = 0; volume < volumeCount; volume++) {
            add(layout, directory.resolve("shard-" + volume), SHARD_BYTES);
            layout.starts.add(0L);
        }
        return layout;
    }

    private static Layout arena(Path directory, int volumeCount) throws IOException {
        var layout = new Layout("arena", new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        add(layout, directory.resolve("arena"), (long) volumeCount * SHARD_BYTES);
        for (int volume = 0; volume < volumeCount; volume++) {
            layout.starts.add((long) volume * SHARD_BYTES);
        }
        return layout;
    }

    private static void add(Layout layout, Path path, long sizeBytes) throws IOException {
        FileChannel channel = FileChannel.open(path, CREATE_NEW, WRITE);
        layout.paths.add(path);
        layout.channels.add(channel);
        ByteBuffer zeroes = ByteBuffer.allocateDirect(1024 * 1024);
        for (long at = 0; at < sizeBytes; at += zeroes.capacity()) {
            channel.write(zeroes.clear(), at);
        }
        channel.force(true);
    }

    private static void measure(Layout layout, int volumeCount, int seconds) throws IOException {
        ByteBuffer record = ByteBuffer.allocateDirect(RECORD_BYTES);
        for (int i = 0; i < RECORD_BYTES; i++) {
            record.put((byte) (i * 31));
        }
        Histogram latencies = new Histogram(MAX_LATENCY_NANOS, 3);
        long start = System.nanoTime();
        long end = start + TimeUnit.SECONDS.toNanos(seconds);
        long offset = 0;
        long now = start;
        while (now < end) {
            for (int volume = 0; volume < volumeCount; volume++) {
                layout.write(volume, record.clear(), offset);
            }
            layout.sync();
            long answered = System.nanoTime();
            latencies.recordValueWithCount(answered - now, volumeCount);
            offset = (offset + RECORD_BYTES) % SHARD_BYTES;
            now = answered;
        }
        double elapsedSeconds = (now - start) / 1e9;
        System.out.printf(
                "layout=%s volumes=%d appendsPerSecond=%.0f p50Micros=%d p99Micros=%d%n",
                layout.name,
                volumeCount,
                latencies.getTotalCount() / elapsedSeconds,
                TimeUnit.NANOSECONDS.toMicros(latencies.getValueAtPercentile(50)),
                TimeUnit.NANOSECONDS.toMicros(latencies.getValueAtPercentile(99)));
    }
}
