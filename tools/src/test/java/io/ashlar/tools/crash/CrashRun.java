package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.VerifyReport;
import io.ashlar.client.Volume;
import io.ashlar.client.protocol.Health;
import io.ashlar.tools.crash.History.Survivors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Cycles of one volume on one cluster: a writer writes, somebody dies, the volume is opened anew and
 * held to the journal; then everybody is started again and it is held to the journal once more. Beside
 * that {@link OtherVolumes} come and go.
 */
final class CrashRun {
    private static final String VOLUME = "disk0";
    private static final int BLOCKS = 1024;
    private static final int MAX_LOSSES = 2;
    private static final int LEAST_WRITES = 100;
    private static final int MOST_WRITES = 1500;
    private static final int LEAST_COMMANDS = 5;
    private static final int MOST_COMMANDS = 20;
    private static final Duration WRITER_PATIENCE = Duration.ofSeconds(60);
    private static final Duration WITHOUT_COORDINATOR = Duration.ofSeconds(1);
    private static final Duration OPENING_PATIENCE = Duration.ofSeconds(60);

    private final CrashCluster cluster;
    private final Path directory;
    private final Random random;
    private final OtherVolumes others;
    private final Map<Death, Integer> deaths = new EnumMap<>(Death.class);
    private int[] stamps = new int[BLOCKS];
    private int lastStamp;
    private int cycle;
    private long acknowledged;
    private long inFlight;
    private long survived;
    private int checks;

    CrashRun(CrashCluster cluster, Path directory, long seed) throws Exception {
        this.cluster = cluster;
        this.directory = directory;
        this.random = new Random(seed);
        cluster.createVolume(VOLUME, (long) BLOCKS * StampWriter.BLOCK_BYTES);
        this.others = new OtherVolumes(cluster, directory, VOLUME);
    }

    /**
     * Who dies. The writer dies last, unless it closes the volume; and so does who makes other ones,
     * but at times with the coordinator.
     */
    enum Death {
        EVERYTHING,
        NODES_AND_COORDINATOR,
        /** And nobody opens the volume before a worker has sealed what it left open. */
        WRITER,
        EVERYTHING_AFTER_A_CLOSE,
        NODES,
        COORDINATOR
    }

    /** One cycle. */
    void cycle(Death death) throws Exception {
        long begin = System.nanoTime();
        cycle++;
        deaths.merge(death, 1, Integer::sum);
        Path file = directory.resolve("journal-" + cycle);
        Journal.add(file, History.found(stamps));
        OtherVolumes.Maker maker = others.start(random.nextLong());
        try {
            play(death, file, maker);
        } finally {
            maker.kill();
        }
        others.check(maker);
        others.awaitDeleted();
        Files.delete(file);
        System.out.printf(
                "crash test: cycle %d, %s, %d acknowledged so far, %d of %d in flight survived, %d ms%n",
                cycle,
                death,
                acknowledged,
                survived,
                inFlight,
                (System.nanoTime() - begin) / 1_000_000);
    }

    private void play(Death death, Path file, OtherVolumes.Maker maker) throws Exception {
        Process writer = startWriter();
        Journal journal;
        try {
            journal = Journal.keep(file, writer);
            maker.awaitMore(LEAST_COMMANDS);
            int before = LEAST_WRITES + random.nextInt(MOST_WRITES);
            assertThat(journal.awaitAcknowledged(before, WRITER_PATIENCE))
                    .as("%d acknowledged before anybody dies", before)
                    .isTrue();
            die(death, writer, journal, maker);
        } finally {
            // By its handle: what it has printed is still to be read.
            boolean _ = writer.toHandle().destroyForcibly();
        }
        journal.awaitEnd(WRITER_PATIENCE);
        if (death == Death.COORDINATOR || death == Death.NODES_AND_COORDINATOR) {
            cluster.start(CrashCluster.COORDINATOR);
        }
        if (death == Death.NODES || death == Death.NODES_AND_COORDINATOR) {
            check(file);
        }
        cluster.startMissing();
        if (death == Death.WRITER) {
            cluster.awaitStatus(
                    "everything is sealed", seen -> seen.getSegments().getOpen() == 0);
        }
        check(file);
        cluster.awaitStatus("everything is repaired", seen -> seen.getHealth() == Health.OK);
        if (maker.process().isAlive()) {
            maker.awaitMore(1 + random.nextInt(MOST_COMMANDS));
        }
    }

    private void die(Death death, Process writer, Journal journal, OtherVolumes.Maker maker)
            throws Exception {
        switch (death) {
            case WRITER -> {}
            case NODES -> {
                cluster.cut(someNodes());
                goOn(journal);
            }
            case COORDINATOR -> {
                cut(List.of(CrashCluster.COORDINATOR), maker);
                boolean _ = journal.awaitAcknowledged(
                        journal.acknowledged() + MOST_WRITES, WITHOUT_COORDINATOR);
            }
            case NODES_AND_COORDINATOR -> {
                List<String> members = new ArrayList<>(someNodes());
                members.add(random.nextInt(members.size() + 1), CrashCluster.COORDINATOR);
                cut(members, maker);
            }
            case EVERYTHING -> {
                List<String> members = new ArrayList<>(CrashCluster.NODES);
                members.add(CrashCluster.COORDINATOR);
                Collections.shuffle(members, random);
                boolean _ = writer.toHandle().destroyForcibly();
                cut(members, maker);
            }
            case EVERYTHING_AFTER_A_CLOSE -> {
                writer.outputWriter().append('\n').flush();
                journal.awaitEnd(WRITER_PATIENCE);
                List<String> members = new ArrayList<>(CrashCluster.NODES);
                members.add(CrashCluster.COORDINATOR);
                cut(members, maker);
            }
        }
    }

    /** The coordinator is among them, and at times who makes volumes dies with it. */
    private void cut(List<String> members, OtherVolumes.Maker maker) throws Exception {
        if (random.nextBoolean()) {
            maker.kill();
        }
        cluster.cut(members);
    }

    private List<String> someNodes() {
        List<String> nodes = new ArrayList<>(CrashCluster.NODES);
        Collections.shuffle(nodes, random);
        return nodes.subList(0, 1 + random.nextInt(MAX_LOSSES));
    }

    /** A writer goes on with so few nodes dead. */
    private void goOn(Journal journal) throws InterruptedException {
        int more = LEAST_WRITES + random.nextInt(MOST_WRITES);
        assertThat(journal.awaitAcknowledged(journal.acknowledged() + more, WRITER_PATIENCE))
                .as("%d acknowledged with nodes dead", more)
                .isTrue();
    }

    private Process startWriter() throws IOException {
        return startProcess(
                StampWriter.class,
                StampWriter.arguments(
                        cluster.coordinators(), VOLUME, lastStamp + 1, random.nextLong()));
    }

    /** A client of the cluster, in a process of its own. */
    static Process startProcess(Class<?> program, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Opens the volume, holds it to the journal, and enters there what is in it from now on. */
    private void check(Path file) throws Exception {
        History history = History.read(file);
        try (AshlarClient client = AshlarClient.connect(cluster.coordinators());
                Volume volume = open(client)) {
            int[] found = read(volume);
            Survivors survivors = history.check(found);
            acknowledged += survivors.acknowledged();
            inFlight += survivors.inFlight();
            survived += survivors.survived();
            VerifyReport report = volume.verify(false, done -> {});
            assertThat(report.lostBlocks()).isZero();
            stamps = found;
        }
        lastStamp = history.lastStamp();
        checks++;
        Journal.add(file, History.found(stamps));
    }

    /** The lease of the one who died is waited out by the client; a node may take its time. */
    private static Volume open(AshlarClient client) throws AshlarException {
        long deadline = System.nanoTime() + OPENING_PATIENCE.toNanos();
        while (true) {
            try {
                return client.open(VOLUME);
            } catch (AshlarException.Unavailable e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
            }
        }
    }

    private static int[] read(Volume volume) throws AshlarException {
        ByteBuffer bytes = ByteBuffer.allocate(BLOCKS * StampWriter.BLOCK_BYTES);
        volume.read(0, bytes);
        int[] found = new int[BLOCKS];
        for (int block = 0; block < BLOCKS; block++) {
            int first = block * StampWriter.BLOCK_BYTES;
            found[block] = bytes.getInt(first);
            for (int at = first; at < first + StampWriter.BLOCK_BYTES; at += Integer.BYTES) {
                assertThat(bytes.getInt(at)).as("block %d is torn", block).isEqualTo(found[block]);
            }
        }
        return found;
    }

    /** For people. */
    String summary() {
        return cycle + " cycles " + deaths + ": " + checks + " checks of " + BLOCKS + " blocks, "
                + acknowledged + " writes acknowledged and none of them lost, " + survived + " of "
                + inFlight + " in flight survived; " + others.summary();
    }
}
