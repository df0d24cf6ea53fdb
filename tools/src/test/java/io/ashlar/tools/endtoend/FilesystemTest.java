package io.ashlar.tools.endtoend;

import static io.ashlar.tools.endtoend.Installed.done;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * File systems of the kernel on a volume, with what people have on them: a tree of sources, a
 * repository, a database. Where the machine has no loop devices or no FUSE, nothing is tested.
 */
class FilesystemTest {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    /** This module's sources. */
    private static final String TREE = Path.of("src").toAbsolutePath().toString();

    private static final String ROWS = "create table t(a, b); "
            + "with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) "
            + "insert into t select x, hex(randomblob(50)) from c;";

    @TempDir
    private static Path clusterDirectory;

    private static TestCluster cluster;

    @TempDir
    private Path directory;

    private String volume;

    /** Kinds of file systems. */
    enum Kind {
        EXT4("mkfs.ext4", "e2fsck", "-f"),
        XFS("mkfs.xfs", "xfs_repair", "-n");

        private final String maker;
        private final String checker;
        private final String how;

        Kind(String maker, String checker, String how) {
            this.maker = maker;
            this.checker = checker;
            this.how = how;
        }

        void format(LoopDisk disk) throws IOException, InterruptedException {
            var _ = done(maker, "-q", disk.device());
        }

        /** Without mending anything. */
        void check(LoopDisk disk) throws IOException, InterruptedException {
            var _ = done(checker, how, "-n", disk.device());
        }
    }

    @BeforeAll
    static void startCluster() throws IOException, InterruptedException {
        assumeThat(LoopDisk.missing()).isEmpty();
        cluster = TestCluster.start(clusterDirectory, 6, 512L << 20);
    }

    @AfterAll
    static void stopCluster() throws IOException {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void createVolume() {
        volume = "disk" + NUMBER.incrementAndGet();
        var _ = cluster.done("volume", "create", volume, "--size", "400M");
    }

    private MountProcess mount() throws IOException {
        return MountProcess.start(
                cluster, volume, "--socket", directory.resolve("s").toString());
    }

    private LoopDisk attach(MountProcess mount, String name)
            throws IOException, InterruptedException {
        return LoopDisk.attach(mount.uri(), Files.createDirectory(directory.resolve(name)));
    }

    @ParameterizedTest
    @EnumSource
    void holdsWhatPeopleHaveOnIt(Kind kind) throws Exception {
        try (MountProcess mount = mount();
                LoopDisk disk = attach(mount, "first")) {
            kind.format(disk);
            disk.mount();
            copyTree(disk);
            keepRepository(disk);
            keepDatabase(disk);
            disk.unmount();
            kind.check(disk);
            disk.mount();
            checkAll(disk);
        }
    }

    @ParameterizedTest
    @EnumSource
    void goesOnWhenNodesDie(Kind kind) throws Exception {
        try (MountProcess mount = mount();
                LoopDisk disk = attach(mount, "first")) {
            kind.format(disk);
            disk.mount();
            copyTree(disk);
            try {
                cluster.cluster().kill("n2");
                keepRepository(disk);
                cluster.cluster().kill("n5");
                keepDatabase(disk);
                disk.unmount();
                kind.check(disk);
                disk.mount();
                checkAll(disk);
            } finally {
                var _ = cluster.cluster().startAll();
            }
        }
    }

    /** What was synced is there, and the file system is whole once it has replayed its journal. */
    @ParameterizedTest
    @EnumSource
    void isWholeAfterItsMountWasKilled(Kind kind) throws Exception {
        try (MountProcess mount = mount();
                LoopDisk disk = attach(mount, "first")) {
            kind.format(disk);
            disk.mount();
            copyTree(disk);
            keepRepository(disk);
            keepDatabase(disk);
            var _ = done("sync", "--file-system", disk.at("").toString());
            var _ = done("cp", "-r", TREE, disk.at("unsynced").toString());
            mount.kill();
        }
        try (MountProcess again = mount();
                LoopDisk disk = attach(again, "second")) {
            disk.mount();
            checkAll(disk);
            disk.unmount();
            kind.check(disk);
        }
    }

    private static void copyTree(LoopDisk disk) throws IOException, InterruptedException {
        var _ = done("cp", "-r", TREE, disk.at("tree").toString());
    }

    private static void keepRepository(LoopDisk disk) throws IOException, InterruptedException {
        Path repository = Files.createDirectory(disk.at("repository"));
        var _ = done("cp", "-r", TREE, repository.toString());
        var _ = git(disk, "init", "-q");
        var _ = git(disk, "add", "-A");
        var _ = git(
                disk, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "all of it");
        var _ = git(disk, "gc", "-q");
    }

    private static String git(LoopDisk disk, String... arguments)
            throws IOException, InterruptedException {
        String[] command = new String[arguments.length + 3];
        command[0] = "git";
        command[1] = "-C";
        command[2] = disk.at("repository").toString();
        System.arraycopy(arguments, 0, command, 3, arguments.length);
        return done(command);
    }

    private static void keepDatabase(LoopDisk disk) throws IOException, InterruptedException {
        String file = disk.at("database").toString();
        assertThat(done("sqlite3", file, "pragma journal_mode = wal; " + ROWS)).contains("wal");
    }

    private static void checkAll(LoopDisk disk) throws IOException, InterruptedException {
        var _ = done("diff", "-r", TREE, disk.at("tree").toString());
        var _ = git(disk, "fsck", "--strict");
        assertThat(git(disk, "status", "--porcelain")).isEmpty();
        assertThat(done(
                        "sqlite3",
                        disk.at("database").toString(),
                        "pragma integrity_check; select count(*) from t;"))
                .isEqualTo("ok\n20000\n");
    }
}
