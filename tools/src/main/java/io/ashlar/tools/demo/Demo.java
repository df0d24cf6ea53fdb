package io.ashlar.tools.demo;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.ClientConfig;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.VerifyReport;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.image.ImageExport;
import io.ashlar.tools.image.ImageImport;
import io.ashlar.tools.image.Transfer;
import io.ashlar.tools.output.Console;
import io.ashlar.tools.output.Sizes;
import io.ashlar.tools.stall.SteadyWriter;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The whole story: six nodes and a coordinator, a real image written, nodes killed, degraded reads,
 * a loss too many, rot, scrub, repair, proof. Every step either holds or ends the story.
 */
public final class Demo {
    private static final VolumeName VOLUME = new VolumeName("demo");
    private static final VolumeName STEADY = new VolumeName("steady");
    private static final long STEADY_BYTES = 16L << 20;
    private static final int STEADY_WRITES = 500;
    private static final Policy POLICY = new Policy(4, 2);
    private static final int NODES = 6;
    private static final long SPARE_BYTES = 512L << 20;
    private static final List<String> KILLED_FIRST = List.of("n2", "n5");
    private static final String KILLED_TOO_MANY = "n3";
    private static final Duration TOO_MANY_PATIENCE = Duration.ofSeconds(2);
    private static final String ROTTEN = "n1";
    private static final String EMPTIED = "n4";
    private static final List<String> KILLED_LAST = List.of("n3", "n6");
    private static final Duration PATIENCE = Duration.ofSeconds(45);
    private static final long SEED = 42;

    private final Narrator narrator;
    private final LocalCluster cluster;
    private final DemoImage image;
    private final Path exported;

    private Demo(Narrator narrator, LocalCluster cluster, DemoImage image) {
        this.narrator = narrator;
        this.cluster = cluster;
        this.image = image;
        this.exported = cluster.directory().resolve("exported");
    }

    /** Makes image and cluster in the directory and tells the story; the processes go on running. */
    public static void run(Console console, Path directory, int port)
            throws IOException, InterruptedException {
        Narrator narrator = new Narrator(console);
        DemoImage image = DemoImage.make(directory);
        narrator.done(
                "image",
                "an " + image.description() + ", " + Sizes.format(image.sizeBytes()),
                Map.of("imageBytes", image.sizeBytes(), "sha256", image.sha256()));
        long driveBytes = (image.sizeBytes() + SPARE_BYTES) / (1 << 20) * (1 << 20);
        LocalCluster cluster = LocalCluster.openOrCreate(
                directory, new LocalCluster.Shape(1, NODES, port, driveBytes, 1, 1));
        new Demo(narrator, cluster, image).tell();
    }

    private void tell() throws IOException, InterruptedException {
        start();
        create();
        importImage();
        killTwo();
        exportAndCompare("degraded", "with " + String.join(" and ", KILLED_FIRST) + " dead");
        killOneTooMany();
        restart();
        int damaged = spoil();
        exportAndCompare("rot", "with both drives spoilt");
        scrub(damaged);
        repair();
        verify();
        killOthers();
        exportAndCompare("degraded", "with " + String.join(" and ", KILLED_LAST) + " dead");
        narrator.end("killed 5 processes, spoilt " + damaged + " cells, lost no byte of "
                + Sizes.format(image.sizeBytes()));
    }

    private void start() throws IOException, InterruptedException {
        int started = cluster.startAll().size();
        ClusterReadiness.await(cluster);
        narrator.done(
                "up",
                "1 coordinator and " + NODES + " nodes run as " + started
                        + " processes, a drive each; kernel " + Kernel.chosen().name(),
                Map.of("processes", started, "kernel", Kernel.chosen().name()));
    }

    private void create() throws IOException {
        try (ClusterConnection connection = connect()) {
            ClusterOperations.createVolume(
                    connection, VOLUME, image.sizeBytes(), POLICY, Compression.NONE);
        }
        narrator.done(
                "volume",
                "\"" + VOLUME + "\" of " + Sizes.format(image.sizeBytes()) + " with " + POLICY
                        + ": 4 data and 2 parity cells a stripe",
                Map.of("policy", POLICY.toString()));
    }

    private void importImage() throws IOException {
        Transfer transfer;
        try (AshlarClient client = client();
                Volume volume = open(client);
                FileChannel source = FileChannel.open(image.file())) {
            transfer = ImageImport.run(source, volume, true, new Unwatched());
        }
        narrator.done(
                "import", transfer.text() + ", durable on all nodes", transfer.json(VOLUME.text()));
    }

    /** Under a writer of another volume, which must not notice more than a pause. */
    private void killTwo() throws IOException, InterruptedException {
        try (ClusterConnection connection = connect()) {
            ClusterOperations.createVolume(
                    connection, STEADY, STEADY_BYTES, POLICY, Compression.NONE);
        }
        Duration gap;
        long verifiedBytes;
        try (AshlarClient client = client();
                Volume volume = client.open(STEADY.text(), OpenOptions.forProcess("demo"));
                SteadyWriter writer = SteadyWriter.start(volume)) {
            writer.awaitMore(STEADY_WRITES, PATIENCE);
            writer.beginMeasuring();
            killFirst();
            writer.awaitMore(STEADY_WRITES, PATIENCE);
            gap = writer.longestGap();
            verifiedBytes = writer.stopAndVerify(PATIENCE);
        }
        try (ClusterConnection connection = connect()) {
            ClusterOperations.deleteVolume(connection, STEADY);
        }
        narrator.done(
                "stall",
                "longest gap between acknowledgements " + gap.toMillis()
                        + " ms, of a writer that never paused while they were killed; "
                        + Sizes.format(verifiedBytes) + " of it read back and right",
                Map.of("longestGapMillis", gap.toMillis(), "verifiedBytes", verifiedBytes));
    }

    private void killFirst() throws IOException, InterruptedException {
        for (String node : KILLED_FIRST) {
            cluster.kill(node);
        }
        long start = System.nanoTime();
        ClusterStatus status = awaitStatus(
                KILLED_FIRST + " are seen to be down",
                seen -> KILLED_FIRST.stream().noneMatch(ClusterOperations.up(seen)::contains));
        narrator.done(
                "kill",
                "SIGKILL to " + String.join(" and ", KILLED_FIRST) + "; status says "
                        + ClusterOperations.states(status) + " after "
                        + Sizes.seconds(System.nanoTime() - start),
                Map.of("killed", KILLED_FIRST));
    }

    private void exportAndCompare(String name, String circumstances)
            throws IOException, InterruptedException {
        Transfer transfer;
        long degraded;
        try (AshlarClient client = client();
                Volume volume = open(client)) {
            transfer = ImageExport.toFile(volume, exported, new Unwatched());
            degraded = volume.stats().degradedReads();
        }
        image.requireSame(exported);
        String fileSystem = image.checkFileSystem(exported);
        Files.delete(exported);
        if (degraded == 0) {
            throw new DemoFailed("no read was degraded " + circumstances + ": nothing was shown");
        }
        Map<String, Object> figures = transfer.json(VOLUME.text());
        figures.put("degradedReads", degraded);
        narrator.done(
                name,
                "exported " + transfer.text() + " " + circumstances + ", " + degraded
                        + " reads decoded; SHA-256 equal, " + fileSystem,
                figures);
    }

    private void killOneTooMany() throws IOException {
        ReadSample.Outcome outcome;
        ClientConfig impatient = ClientConfig.DEFAULT.withReadPatience(TOO_MANY_PATIENCE);
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses(), impatient);
                Volume volume = open(client);
                FileChannel expected = FileChannel.open(image.file())) {
            cluster.kill(KILLED_TOO_MANY);
            outcome = ReadSample.read(volume, expected);
        }
        if (outcome.wrong() > 0) {
            throw new DemoFailed(outcome.wrong() + " reads gave wrong data with three nodes dead");
        }
        if (outcome.unavailable() == 0) {
            throw new DemoFailed("three of six nodes are dead and no read was refused");
        }
        narrator.done(
                "too many",
                "a third SIGKILL, to " + KILLED_TOO_MANY + ": of " + outcome.reads() + " reads "
                        + outcome.right() + " are right, " + outcome.unavailable()
                        + " are refused as unavailable after waiting "
                        + TOO_MANY_PATIENCE.toSeconds() + " s for it to return, 0 are wrong",
                Map.of("right", outcome.right(), "unavailable", outcome.unavailable(), "wrong", 0));
    }

    private void restart() throws IOException, InterruptedException {
        int started = cluster.startAll().size();
        ClusterReadiness.await(cluster);
        ClusterStatus status =
                awaitStatus("the cluster is healthy again", seen -> seen.getHealth() == Health.OK);
        narrator.done(
                "restart",
                "started the " + started
                        + " dead nodes again; their shards are recognised, health ok, "
                        + status.getSegments().getTotal() + " segments survive 2 losses",
                Map.of("started", started));
    }

    /** Spoils two drives while their nodes run; the cells that are damaged now. */
    private int spoil() throws IOException {
        List<Segment> segments;
        try (ClusterConnection connection = connect()) {
            ClusterOperations.setRepairPaused(connection, true);
            segments = ClusterOperations.segments(connection, VOLUME.text());
        }
        Rot.Damage damage = new Rot(SEED, ROTTEN, segments).flipAndTruncate(drive(ROTTEN));
        int deleted = new Rot(SEED, EMPTIED, segments).delete(drive(EMPTIED));
        narrator.done(
                "spoil",
                "drive of " + ROTTEN + ": a bit flipped in " + damage.flipped() + " cells, "
                        + damage.truncated()
                        + " cells cut off; drive of " + EMPTIED + ": the file deleted with its "
                        + deleted
                        + " cells",
                Map.of(
                        "flippedCells", damage.flipped(),
                        "truncatedCells", damage.truncated(),
                        "deletedCells", deleted));
        return damage.cells() + deleted;
    }

    private void scrub(int damaged) throws IOException, InterruptedException {
        ScrubStatus scrub = scrubAll();
        if (scrub.getCorruptCells() != damaged) {
            throw new DemoFailed(
                    damaged + " cells are damaged and the scrub found " + scrub.getCorruptCells());
        }
        narrator.done(
                "scrub",
                "read " + Sizes.format(scrub.getBytesScanned()) + " and found all " + damaged
                        + " damaged cells",
                Map.of("damagedCells", damaged, "bytesScanned", scrub.getBytesScanned()));
    }

    private ScrubStatus scrubAll() throws IOException, InterruptedException {
        try (ClusterConnection connection = connect()) {
            return ClusterOperations.scrub(connection, true);
        }
    }

    private void repair() throws IOException, InterruptedException {
        long start = System.nanoTime();
        RepairStatus repair;
        try (ClusterConnection connection = connect()) {
            ClusterOperations.setRepairPaused(connection, false);
            repair = ClusterOperations.repair(connection, true);
        }
        if (repair.getFailedCount() > 0) {
            throw new DemoFailed("a repair failed: " + repair.getFailed(0));
        }
        ClusterStatus status = awaitStatus(
                "the cluster is healthy after repair", seen -> seen.getHealth() == Health.OK);
        narrator.done(
                "repair",
                "rebuilt " + repair.getRepairedCells() + " cells in " + repair.getRepairedShards()
                        + " shards in " + Sizes.seconds(System.nanoTime() - start) + ", "
                        + status.getSegments().getTotal() + " segments survive 2 losses again",
                Map.of(
                        "repairedCells", repair.getRepairedCells(),
                        "repairedShards", repair.getRepairedShards()));
    }

    private void verify() throws IOException, InterruptedException {
        ScrubStatus scrub = scrubAll();
        if (scrub.getCorruptCells() > 0 || scrub.getUnreadable() > 0) {
            throw new DemoFailed("after repair a scrub found " + scrub.getCorruptCells()
                    + " damaged cells and " + scrub.getUnreadable() + " unreadable shards");
        }
        VerifyReport report;
        try (AshlarClient client = client();
                Volume volume = open(client)) {
            report = volume.verify(true, ignored -> {});
        }
        if (!report.isClean()) {
            throw new DemoFailed("after repair " + report.damagedCells()
                    + " cells are still damaged: " + report.problems());
        }
        narrator.done(
                "verify",
                report.cells() + " cells in " + report.stripes()
                        + " stripes are present and right, " + report.patterns()
                        + " patterns of 4 cells decode",
                Map.of("cells", report.cells(), "patterns", report.patterns()));
    }

    private void killOthers() throws IOException {
        for (String node : KILLED_LAST) {
            cluster.kill(node);
        }
        narrator.done(
                "kill",
                "SIGKILL to two others, " + String.join(" and ", KILLED_LAST)
                        + ": the repaired drives have to serve",
                Map.of("killed", KILLED_LAST));
    }

    private ClusterStatus awaitStatus(String what, Predicate<ClusterStatus> wanted)
            throws IOException, InterruptedException {
        try (ClusterConnection connection = connect()) {
            return ClusterOperations.awaitStatus(connection, what, wanted, PATIENCE);
        }
    }

    private Path drive(String node) throws AshlarException {
        return cluster.member(node).drives().getFirst();
    }

    private ClusterConnection connect() {
        return new ClusterConnection(cluster.coordinatorAddresses());
    }

    private AshlarClient client() {
        return AshlarClient.connect(cluster.coordinatorAddresses());
    }

    private static Volume open(AshlarClient client) throws AshlarException {
        return client.open(VOLUME.text(), OpenOptions.forProcess("demo"));
    }
}
