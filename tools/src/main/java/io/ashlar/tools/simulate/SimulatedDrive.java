package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.node.DriveDirectory;
import io.ashlar.node.DriveFile;
import io.ashlar.node.DriveFullException;

import org.jspecify.annotations.Nullable;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.NoSuchFileException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * A drive: outlives the processes that serve it, knows what is durable on it, and fails as it is
 * told. A process that is dead, or whose drive was taken away, can do nothing to it any more.
 */
final class SimulatedDrive {
    static final String ARENA = "arena";
    private static final String IDENTITY = "identity";

    private final Schedule schedule;
    private final RandomGenerator random;
    private final String name;
    private Map<String, SimulatedFile> files = new TreeMap<>();

    /** Names of files that were made, and neither synced nor given another name since. */
    private Set<String> unsyncedNames = new TreeSet<>();

    private int failingSyncs;
    private boolean full;
    private boolean absent;
    private int operationsUntilKill = -1;
    private Runnable syncFails = () -> {};
    private boolean syncHasFailed;
    private Runnable kills = () -> {};
    private @Nullable Directory open;
    private int slowness = 1;
    private @Nullable DriveId id;
    private final Set<DriveId> formerIds = new HashSet<>();

    SimulatedDrive(Schedule schedule, RandomGenerator random, String name) {
        this.schedule = schedule;
        this.random = random;
        this.name = name;
    }

    String name() {
        return name;
    }

    /** The drive as this process has it. */
    DriveDirectory servedBy(SimulatedProcess process, DriveWork work) {
        syncHasFailed = false;
        Directory opened = new Directory(process, work);
        open = opened;
        return opened;
    }

    /** How long what the drive does takes, told as it does it. */
    interface DriveWork {
        void wrote(long bytes);

        void synced();
    }

    /** Its identity, as its node told the coordinator; null while that is not known. */
    @Nullable
    DriveId id() {
        return id;
    }

    /** Its node said so. */
    void identifiedAs(DriveId told) {
        if (!formerIds.contains(told)) {
            id = told;
        }
    }

    private void loseIdentity() {
        if (id != null) {
            formerIds.add(id);
        }
        id = null;
    }

    @Nullable
    SimulatedFile arena() {
        return files.get(ARENA);
    }

    // ---- faults

    /** The next syncs fail; what they should have made durable is in doubt. */
    void failSyncs(int count, Runnable hearing) {
        failingSyncs = count;
        syncFails = hearing;
    }

    /** Whether a sync has failed, or is going to. */
    boolean isFailing() {
        return failingSyncs > 0 || hasFailed();
    }

    /** Whether its node has given it up, on record or, where no record could be made, until it dies. */
    boolean hasFailed() {
        return syncHasFailed || files.containsKey("failed");
    }

    boolean isFull() {
        return full;
    }

    /** Whether a node has made it its own; another node takes an empty one for itself. */
    boolean isFormatted() {
        return files.containsKey(IDENTITY);
    }

    /** Whether a living process has it open: one that met trouble as it started may not. */
    boolean isServed() {
        return open != null && open.process.isAlive();
    }

    /** Whether its process is going to die of it. */
    boolean kills() {
        return operationsUntilKill >= 0;
    }

    void full(boolean isFull) {
        full = isFull;
    }

    /** Whether its node, when it starts, has no such drive. */
    boolean isAbsent() {
        return absent;
    }

    void absent(boolean isAbsent) {
        absent = isAbsent;
    }

    /** The process that serves the drive dies in the midst of one of its next writes or syncs. */
    void killAfter(int operations, Runnable hearing) {
        operationsUntilKill = operations;
        kills = hearing;
    }

    /** Reading, writing and syncing take so many times as long. */
    void slow(int times) {
        slowness = times;
    }

    int slowness() {
        return slowness;
    }

    boolean isSlow() {
        return slowness > 1;
    }

    void cutPower() {
        files.values().forEach(file -> file.cutPower(SimulatedFile.Unsynced.draw(random), random));
        loseNames();
    }

    /** What was not synced was just being written. */
    void cutPowerInWrite() {
        files.values().forEach(file -> file.cutPower(SimulatedFile.Unsynced.TORN, random));
        loseNames();
    }

    private void loseNames() {
        unsyncedNames.removeIf(file -> random.nextBoolean());
        files.keySet().removeAll(unsyncedNames);
        unsyncedNames.clear();
    }

    /** No fault is going to come of it. */
    void calm() {
        failingSyncs = 0;
        full = false;
        operationsUntilKill = -1;
    }

    /** Another, empty one is put in its place. */
    void wipe() {
        files = new TreeMap<>();
        unsyncedNames.clear();
        loseIdentity();
        failingSyncs = 0;
        syncHasFailed = false;
        full = false;
        slowness = 1;
    }

    /** Only the arena is gone. */
    void loseArena() {
        loseIdentity();
        files.remove(ARENA);
    }

    /** Two drives change places. */
    void swapWith(SimulatedDrive other) {
        Map<String, SimulatedFile> own = files;
        files = other.files;
        other.files = own;
        Set<String> ownNames = unsyncedNames;
        unsyncedNames = other.unsyncedNames;
        other.unsyncedNames = ownNames;
        int ownSlowness = slowness;
        slowness = other.slowness;
        other.slowness = ownSlowness;
        @Nullable DriveId ownId = id;
        id = other.id;
        other.id = ownId;
    }

    /** The directory that one process has open. */
    private final class Directory implements DriveDirectory {
        private final SimulatedProcess process;
        private final DriveWork work;

        Directory(SimulatedProcess process, DriveWork work) {
            this.process = process;
            this.work = work;
        }

        private void requireAlive() throws IOException {
            if (!process.isAlive()) {
                throw new IOException("the process is dead");
            }
        }

        /** What was done before a change of the directory has happened where that has. */
        private void mayKillInDirectory() throws IOException {
            mayKill();
            files.values().forEach(SimulatedFile::reach);
        }

        private void mayKill() throws IOException {
            requireAlive();
            if (operationsUntilKill >= 0 && operationsUntilKill-- == 0) {
                kills.run();
                process.kill();
                throw new IOException("the process died");
            }
        }

        @Override
        public String path() {
            return name;
        }

        @Override
        public Set<String> list() throws IOException {
            requireAlive();
            return new HashSet<>(files.keySet());
        }

        @Override
        public DriveFile open(String file) throws IOException {
            requireAlive();
            SimulatedFile there = files.get(file);
            if (there == null) {
                throw new NoSuchFileException(file);
            }
            return new Handle(this, file, there);
        }

        @Override
        public DriveFile create(String file) throws IOException {
            mayKillInDirectory();
            if (full) {
                throw new DriveFullException("no space left", null);
            }
            SimulatedFile made = new SimulatedFile(schedule);
            files.put(file, made);
            unsyncedNames.add(file);
            return new Handle(this, file, made);
        }

        @Override
        public void rename(String from, String to) throws IOException {
            mayKillInDirectory();
            SimulatedFile file = files.remove(from);
            if (file == null) {
                throw new NoSuchFileException(from);
            }
            files.put(to, file);
            unsyncedNames.remove(from);
            unsyncedNames.remove(to);
        }

        @Override
        public void delete(String file) throws IOException {
            mayKillInDirectory();
            files.remove(file);
            unsyncedNames.remove(file);
        }

        @Override
        public void lock() throws AshlarException, IOException {
            requireAlive();
        }

        @Override
        public void close() {
            if (open == this) {
                open = null;
            }
        }
    }

    /** An open file. */
    private final class Handle implements DriveFile {
        private final Directory directory;
        private final String file;
        private final SimulatedFile bytes;

        Handle(Directory directory, String file, SimulatedFile bytes) {
            this.directory = directory;
            this.file = file;
            this.bytes = bytes;
        }

        @Override
        public void read(long at, MemorySegment target) throws IOException {
            directory.requireAlive();
            if (at + target.byteSize() > bytes.sizeBytes()) {
                throw new EOFException(file);
            }
            long last = (at + target.byteSize() - 1) / SimulatedFile.PAGE_BYTES;
            for (long page = at / SimulatedFile.PAGE_BYTES; page <= last; page++) {
                if (bytes.isUnreadable(page)) {
                    throw new IOException("unreadable sector");
                }
            }
            bytes.read(at, target);
        }

        @Override
        public void write(long at, MemorySegment source) throws IOException {
            directory.mayKill();
            if (full) {
                throw new DriveFullException("no space left", null);
            }
            bytes.write(at, source);
            directory.work.wrote(source.byteSize());
        }

        @Override
        public void sync() throws IOException {
            directory.mayKill();
            if (failingSyncs > 0) {
                failingSyncs--;
                syncFails.run();
                bytes.doubt(SimulatedFile.Unsynced.draw(random), random);
                syncHasFailed = true;
                throw new IOException("sync failed");
            }
            directory.work.synced();
            bytes.sync();
            if (files.get(file) == bytes) {
                unsyncedNames.remove(file);
            }
        }

        @Override
        public long sizeBytes() throws IOException {
            directory.requireAlive();
            return bytes.sizeBytes();
        }

        @Override
        public void resize(long sizeBytes) throws IOException {
            directory.mayKill();
            bytes.resize(sizeBytes);
        }

        @Override
        public boolean stillNamed() throws IOException {
            directory.requireAlive();
            return files.get(file) == bytes;
        }

        @Override
        public void close() {}
    }
}
