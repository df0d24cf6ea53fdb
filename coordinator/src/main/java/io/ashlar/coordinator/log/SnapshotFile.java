package io.ashlar.coordinator.log;

import io.ashlar.coordinator.metadata.KeyValues;
import io.ashlar.coordinator.metadata.MetadataStore;
import io.ashlar.coordinator.record.SnapshotEntry;

import org.jspecify.annotations.Nullable;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.TreeMap;

/**
 * The whole metadata in one file: length-delimited {@link SnapshotEntry} messages in the order of
 * their keys. Ratis keeps its checksum beside it.
 */
final class SnapshotFile {
    private static final byte[] EVERYTHING = {};
    private static final int LOAD_BATCH_ENTRIES = 10_000;
    private static final int BUFFER_BYTES = 1 << 16;

    private SnapshotFile() {}

    /** Writes the file durably under its name, or not at all. */
    static void write(KeyValues values, Path file) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + ".tmp");
        try (OutputStream out =
                new BufferedOutputStream(Files.newOutputStream(unfinished), BUFFER_BYTES)) {
            values.scan(EVERYTHING, (key, value) -> {
                try {
                    SnapshotEntry.newBuilder()
                            .setKey(com.google.protobuf.ByteString.copyFrom(key))
                            .setValue(com.google.protobuf.ByteString.copyFrom(value))
                            .build()
                            .writeDelimitedTo(out);
                    return true;
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw new IOException("the snapshot " + file + " could not be written", e);
        }
        sync(unfinished);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Puts what the file holds in place of what the store holds. The first entry, which holds the
     * applied index, is written last: a load that a crash cut short is found to be one.
     */
    static void load(Path file, MetadataStore store) throws IOException {
        store.clear();
        TreeMap<byte[], byte @Nullable []> first = new TreeMap<>(Arrays::compareUnsigned);
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
            TreeMap<byte[], byte @Nullable []> batch = new TreeMap<>(Arrays::compareUnsigned);
            for (SnapshotEntry entry = SnapshotEntry.parseDelimitedFrom(in);
                    entry != null;
                    entry = SnapshotEntry.parseDelimitedFrom(in)) {
                (first.isEmpty() ? first : batch)
                        .put(entry.getKey().toByteArray(), entry.getValue().toByteArray());
                if (batch.size() == LOAD_BATCH_ENTRIES) {
                    store.write(batch);
                    batch.clear();
                }
            }
            store.write(batch);
            store.write(first);
        }
        store.sync();
    }

    private static void sync(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }
}
