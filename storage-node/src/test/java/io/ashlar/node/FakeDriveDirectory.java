package io.ashlar.node;

import org.jspecify.annotations.Nullable;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** A drive in memory that knows what is durable, and fails as it is told. */
final class FakeDriveDirectory implements DriveDirectory {
    private static final int PAGE = 4096;

    private final Map<String, FakeFile> files = new HashMap<>();

    /** What was done to the files, in order. */
    final List<String> events = new ArrayList<>();

    boolean failSyncs;
    boolean failWrites;
    boolean full;
    boolean dead;

    /** What happens within the next read, once. */
    @Nullable
    Runnable duringRead;

    private boolean locked;

    @Override
    public String path() {
        return "fake";
    }

    @Override
    public Set<String> list() {
        return new HashSet<>(files.keySet());
    }

    @Override
    public DriveFile open(String name) throws IOException {
        FakeFile file = files.get(name);
        if (file == null) {
            throw new NoSuchFileException(name);
        }
        return new Handle(name, file);
    }

    @Override
    public DriveFile create(String name) {
        FakeFile file = new FakeFile();
        files.put(name, file);
        return new Handle(name, file);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        FakeFile file = files.remove(from);
        if (file == null) {
            throw new NoSuchFileException(from);
        }
        files.put(to, file);
    }

    @Override
    public void delete(String name) {
        files.remove(name);
    }

    @Override
    public void lock() throws IOException {
        if (dead) {
            throw new IOException("input/output error");
        }
        if (locked) {
            throw new IllegalStateException("served twice");
        }
        locked = true;
    }

    @Override
    public void close() {
        locked = false;
    }

    FakeFile file(String name) {
        FakeFile file = files.get(name);
        if (file == null) {
            throw new IllegalStateException("no file " + name);
        }
        return file;
    }

    FakeFile arena() {
        return file(DriveOpener.ARENA);
    }

    /** The next read ends as one for which there is no memory. */
    void refuseMemoryOnce() {
        duringRead = () -> {
            throw new OutOfMemoryError("no buffer");
        };
    }

    /** The process is gone; what it wrote is still there. */
    void kill() {
        locked = false;
    }

    /** The power is gone: of every unsynced page, only some survive. */
    void cutPower(RandomGenerator random) {
        locked = false;
        files.values().forEach(file -> file.cutPower(random));
    }

    /** The bytes of a file. */
    static final class FakeFile {
        private final Map<Long, byte[]> visible = new HashMap<>();
        private final TreeMap<Long, byte @Nullable []> unsynced = new TreeMap<>();
        private final Set<Long> unreadable = new HashSet<>();
        private long sizeBytes;

        byte[] page(long page) {
            return visible.getOrDefault(page, new byte[PAGE]);
        }

        void flipBit(long at) {
            byte[] page = page(at / PAGE).clone();
            page[(int) (at % PAGE)] ^= 1;
            visible.put(at / PAGE, page);
        }

        void erase(long at, long lengthBytes) {
            for (long page = at / PAGE; page < (at + lengthBytes) / PAGE; page++) {
                visible.remove(page);
            }
        }

        void makeUnreadable(long at) {
            unreadable.add(at / PAGE);
        }

        void truncate(long size) {
            visible.keySet().removeIf(page -> page * PAGE >= size);
            sizeBytes = size;
        }

        byte[] bytes(int length) {
            byte[] all = new byte[length];
            for (int at = 0; at < length; at += PAGE) {
                System.arraycopy(page(at / PAGE), 0, all, at, Math.min(PAGE, length - at));
            }
            return all;
        }

        private void cutPower(RandomGenerator random) {
            unsynced.forEach((page, durable) -> {
                if (random.nextBoolean()) {
                    if (durable == null) {
                        visible.remove(page);
                    } else {
                        visible.put(page, durable);
                    }
                }
            });
            unsynced.clear();
        }
    }

    /** An open file. */
    private final class Handle implements DriveFile {
        private final String name;
        private final FakeFile file;

        Handle(String name, FakeFile file) {
            this.name = name;
            this.file = file;
        }

        @Override
        public void read(long at, MemorySegment target) throws IOException {
            Runnable task = duringRead;
            duringRead = null;
            if (task != null) {
                task.run();
            }
            if (at + target.byteSize() > file.sizeBytes) {
                throw new EOFException(name);
            }
            for (long done = 0; done < target.byteSize(); ) {
                long page = (at + done) / PAGE;
                int from = (int) ((at + done) % PAGE);
                long length = Math.min(PAGE - from, target.byteSize() - done);
                if (file.unreadable.contains(page)) {
                    throw new IOException("unreadable");
                }
                MemorySegment.copy(
                        MemorySegment.ofArray(file.page(page)), from, target, done, length);
                done += length;
            }
        }

        @Override
        public void write(long at, MemorySegment source) throws IOException {
            if (failWrites) {
                throw new IOException("broken");
            }
            if (full) {
                throw new DriveFullException("full", new IOException());
            }
            events.add("write " + name + " " + at);
            for (long done = 0; done < source.byteSize(); ) {
                long page = (at + done) / PAGE;
                int from = (int) ((at + done) % PAGE);
                long length = Math.min(PAGE - from, source.byteSize() - done);
                byte[] old = file.visible.get(page);
                file.unsynced.putIfAbsent(page, old);
                byte[] bytes = old == null ? new byte[PAGE] : old.clone();
                MemorySegment.copy(source, done, MemorySegment.ofArray(bytes), from, length);
                file.visible.put(page, bytes);
                file.unreadable.remove(page);
                done += length;
            }
            file.sizeBytes = Math.max(file.sizeBytes, at + source.byteSize());
        }

        @Override
        public void sync() throws IOException {
            if (failSyncs) {
                throw new IOException("cannot sync");
            }
            events.add("sync " + name);
            file.unsynced.clear();
        }

        @Override
        public long sizeBytes() {
            return file.sizeBytes;
        }

        @Override
        public void resize(long sizeBytes) {
            file.truncate(sizeBytes);
        }

        @Override
        public boolean stillNamed() {
            return files.containsValue(file);
        }

        @Override
        public void close() {}
    }
}
