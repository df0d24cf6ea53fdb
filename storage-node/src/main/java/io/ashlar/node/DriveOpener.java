package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.node.IdentityFormat.Identity;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Takes a drive directory into service: formats an empty one, refuses what is another node's,
 * newer, or not a drive at all. A directory whose arena is gone is formatted anew <em>as another
 * drive</em>, so that nobody takes the empty arena's silence for knowledge.
 *
 * <p>A new drive's arena is made whole under another name; then comes the identity, then the
 * arena's own name. So a crash in between leaves either nothing but names of unfinished files, or
 * an identity whose arena only waits to be renamed.
 */
final class DriveOpener {
    private static final Logger log = LoggerFactory.getLogger(DriveOpener.class);

    static final String IDENTITY = "identity";
    static final String ARENA = "arena";
    static final String FAILED = "failed";
    private static final String NEW = ".new";
    private static final int MAX_IDENTITY_BYTES = 4096;

    /** What a file system may put into its root by itself. */
    private static final Set<String> NOT_OURS = Set.of("lost+found");

    private final DriveDirectory directory;
    private final String node;
    private final long capacityBytes;
    private final RandomGenerator random;

    DriveOpener(DriveDirectory directory, String node, long capacityBytes, RandomGenerator random) {
        this.directory = directory;
        this.node = node;
        this.capacityBytes = capacityBytes;
        this.random = random;
    }

    /** An arena that is ready to be served. */
    record Opened(Identity identity, DriveFile arena, ArenaLayout layout) {}

    /** Opens the drive, formatting it where it is empty or has lost its arena. */
    Opened open() throws IOException, AshlarException {
        Set<String> names = new HashSet<>(directory.list());
        names.removeAll(NOT_OURS);
        if (!names.contains(IDENTITY)) {
            names.remove(IDENTITY + NEW);
            names.remove(ARENA + NEW);
            if (!names.isEmpty()) {
                throw new AshlarException.Invalid("drive directory " + directory.path()
                        + " is not empty and holds no identity (but \""
                        + names.iterator().next()
                        + "\"): give an empty directory, or a drive of node " + node);
            }
            return format(DriveId.NONE);
        }
        Identity identity = readIdentity();
        if (!identity.node().equals(node)) {
            throw new AshlarException.Invalid("drive " + directory.path() + " belongs to node "
                    + identity.node() + ", this is node " + node
                    + ": give each node its own drives");
        }
        return openArena(identity, names);
    }

    private Identity readIdentity() throws IOException, AshlarException {
        try (DriveFile file = directory.open(IDENTITY)) {
            long sizeBytes = Math.min(file.sizeBytes(), MAX_IDENTITY_BYTES);
            byte[] bytes = new byte[(int) sizeBytes];
            file.read(0, MemorySegment.ofArray(bytes));
            return IdentityFormat.read(bytes, directory.path());
        }
    }

    private Opened openArena(Identity identity, Set<String> names)
            throws IOException, AshlarException {
        if (!names.contains(ARENA)) {
            if (!names.contains(ARENA + NEW) || !isArenaOf(identity)) {
                return replaceLost(identity, "its arena is gone");
            }
            directory.rename(ARENA + NEW, ARENA);
        }
        DriveFile arena = directory.open(ARENA);
        if (arena.sizeBytes() < ArenaLayout.pageAt(ArenaLayout.FIRST_FENCE_PAGE, 0)) {
            arena.close();
            return replaceLost(identity, "its arena was cut short to nothing");
        }
        PageStore.Superblock superblock = PageStore.readSuperblock(arena, directory.path());
        if (!superblock.drive().equals(identity.drive())) {
            arena.close();
            throw new AshlarException.Invalid(
                    "drive " + directory.path() + " has the arena of drive "
                            + superblock.drive() + ", its identity says " + identity.drive()
                            + ": put back the right files");
        }
        ArenaLayout layout = superblock.layout();
        if (arena.sizeBytes() < layout.catalogueBytes()) {
            arena.close();
            return replaceLost(identity, "its arena was cut short within the catalogue");
        }
        if (!layout.equals(ArenaLayout.of(capacityBytes))) {
            log.warn(
                    "drive={} capacityBytes={} the configured capacity {} is not that of the"
                            + " formatting, which stays",
                    directory.path(),
                    layout.arenaBytes(),
                    capacityBytes);
        }
        return new Opened(identity, arena, layout);
    }

    private boolean isArenaOf(Identity identity) throws IOException {
        try (DriveFile arena = directory.open(ARENA + NEW)) {
            return PageStore.readSuperblock(arena, directory.path())
                    .drive()
                    .equals(identity.drive());
        } catch (AshlarException e) {
            return false; // its making was cut short
        }
    }

    /** Formats a directory anew whose arena is lost, as another drive. */
    Opened replaceLost(Identity lost, String reason) throws IOException, AshlarException {
        log.error(
                "drive={} id={} state=lost {}: formatting it anew as another drive",
                directory.path(),
                lost.drive(),
                reason);
        return format(lost.drive());
    }

    private Opened format(DriveId replaces) throws IOException, AshlarException {
        var identity = new Identity(new DriveId(random.nextLong(), random.nextLong()), node);
        ArenaLayout layout = ArenaLayout.of(capacityBytes);
        try (DriveFile arena = directory.create(ARENA + NEW)) {
            Catalogue.format(arena, identity.drive(), layout, replaces);
        }
        try (DriveFile file = directory.create(IDENTITY + NEW)) {
            file.write(0, MemorySegment.ofArray(IdentityFormat.write(identity)));
            file.sync();
        }
        directory.rename(IDENTITY + NEW, IDENTITY);
        directory.rename(ARENA + NEW, ARENA);
        log.info(
                "drive={} id={} state=formatted slots={} slotBytes={}",
                directory.path(),
                identity.drive(),
                layout.slotCount(),
                layout.slotBytes());
        return new Opened(identity, directory.open(ARENA), layout);
    }
}
