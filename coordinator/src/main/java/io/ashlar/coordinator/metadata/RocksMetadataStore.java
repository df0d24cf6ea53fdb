package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;

/**
 * The metadata in RocksDB. Batches are not synced one by one: RocksDB comes back from a crash with
 * a prefix of them, the applied index among their effects, and the log, which is synced, gives the
 * rest again. Only before the log is cut does {@link #sync()} put the batches it holds on the
 * drive. A RocksDB error leaves a replica that cannot know its state: {@link FailStopStore} lets none
 * go on from there.
 */
public final class RocksMetadataStore implements MetadataStore {
    private static final long WRITE_BUFFER_BYTES = 16 << 20;
    private static final long MAX_WAL_BYTES = 64 << 20;
    private static final int MAX_OPEN_FILES = 256;
    private static final byte[] FIRST_KEY = {};
    private static final byte[] BEYOND_LAST_KEY = {(byte) 0xff, (byte) 0xff};

    private final Options options;
    private final WriteOptions unsynced = new WriteOptions().setSync(false);
    private final RocksDB database;

    private RocksMetadataStore(Options options, RocksDB database) {
        this.options = options;
        this.database = database;
    }

    /** Opens the store in a directory, which is made where it does not exist. */
    public static RocksMetadataStore open(Path directory) throws IOException {
        RocksDB.loadLibrary();
        Files.createDirectories(directory);
        Options options = new Options()
                .setCreateIfMissing(true)
                .setWriteBufferSize(WRITE_BUFFER_BYTES)
                .setMaxTotalWalSize(MAX_WAL_BYTES)
                .setMaxOpenFiles(MAX_OPEN_FILES)
                .setKeepLogFileNum(2);
        try {
            return new RocksMetadataStore(options, RocksDB.open(options, directory.toString()));
        } catch (RocksDBException e) {
            options.close();
            throw new IOException(
                    "cannot open the metadata in " + directory
                            + " (does another coordinator run there?): " + e.getMessage(),
                    e);
        }
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        try {
            return database.get(key);
        } catch (RocksDBException e) {
            throw broken(e);
        }
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        try (RocksIterator iterator = database.newIterator()) {
            for (iterator.seek(from); iterator.isValid(); iterator.next()) {
                if (!KeyFormat.startsWith(iterator.key(), prefix)
                        || !visitor.visit(iterator.key(), iterator.value())) {
                    return;
                }
            }
            iterator.status();
        } catch (RocksDBException e) {
            throw broken(e);
        }
    }

    @Override
    public void write(SortedMap<byte[], byte @Nullable []> batch) {
        try (WriteBatch writes = new WriteBatch()) {
            for (Map.Entry<byte[], byte @Nullable []> entry : batch.entrySet()) {
                byte[] value = entry.getValue();
                if (value == null) {
                    writes.delete(entry.getKey());
                } else {
                    writes.put(entry.getKey(), value);
                }
            }
            database.write(unsynced, writes);
        } catch (RocksDBException e) {
            throw broken(e);
        }
    }

    @Override
    public void sync() {
        try {
            database.flushWal(true);
        } catch (RocksDBException e) {
            throw broken(e);
        }
    }

    @Override
    public void clear() {
        try {
            database.deleteRange(FIRST_KEY, BEYOND_LAST_KEY);
        } catch (RocksDBException e) {
            throw broken(e);
        }
    }

    @Override
    public void close() {
        database.close();
        unsynced.close();
        options.close();
    }

    private static StoreFailedException broken(RocksDBException cause) {
        return new StoreFailedException("the metadata store failed: " + cause.getMessage(), cause);
    }
}
