package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.VerifyReport;
import io.ashlar.client.Volume;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Real processes, killed with -9 while a volume is written: the writer, nodes, the coordinator.
 * After each death the volume is opened anew and every block holds its last acknowledged content or
 * one that was issued later.
 */
class KillNineTest {
    private static final int BLOCKS = 512;
    private static final int PORTS = 20;

    /** A lease, as long again in which a mount would go first, and a few seconds. */
    private static final Duration SEALED_WITHIN = Duration.ofSeconds(5 + 5 + 5);

    @TempDir
    private Path directory;

    private final long seed = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(seed);

    /** By block: the stamps that it may hold, the acknowledged one first. */
    private final List<List<Integer>> allowed = new ArrayList<>();

    private LocalCluster cluster;
    private int lastStamp;

    @BeforeEach
    void start() throws Exception {
        cluster = LocalCluster.openOrCreate(
                directory, new LocalCluster.Shape(1, 6, FreePorts.run(PORTS), 1L << 30, 1, 1));
        cluster.startAll();
        ClusterReadiness.await(cluster);
        createVolume();
    }

    @AfterEach
    void stop() throws Exception {
        cluster.stopAll();
    }

    @Test
    void nothingAcknowledgedIsLostWhoeverDies() throws Exception {
        for (int block = 0; block < BLOCKS; block++) {
            allowed.add(new ArrayList<>(List.of(0)));
        }
        writeWhile(Victim.NOBODY);
        check();
        writeWhile(Victim.NODES);
        check();
        startMissing();
        writeWhile(Victim.COORDINATOR);
        check();
        writeWhile(Victim.EVERYTHING);
        startMissing();
        check();
    }

    /** So that repair can go on: it never touches a segment that is open. */
    @Test
    void whatADeadWriterLeftIsSealedAlthoughNobodyOpensTheVolume() throws Exception {
        for (int block = 0; block < BLOCKS; block++) {
            allowed.add(new ArrayList<>(List.of(0)));
        }
        writeWhile(Victim.NOBODY);
        long deadNanos = System.nanoTime();
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses())) {
            assertThat(openSegments(client)).as("left by the writer").isPositive();
            while (openSegments(client) > 0) {
                assertThat(Duration.ofNanos(System.nanoTime() - deadNanos))
                        .as("until it is sealed, seed %d", seed)
                        .isLessThan(SEALED_WITHIN);
            }
            assertThat(status(client).getHealth()).isEqualTo(Health.OK);
            VolumeInfo left = volume(client);
            while (!left.getHolder().isEmpty()) {
                assertThat(Duration.ofNanos(System.nanoTime() - deadNanos))
                        .as("until it is given up, seed %d", seed)
                        .isLessThan(SEALED_WITHIN);
                left = volume(client);
            }
        }
        check();
    }

    private static ClusterStatus status(AshlarClient client) throws IOException {
        return client.call(Request.newBuilder()
                        .setGetStatus(GetStatus.getDefaultInstance())
                        .build())
                .getStatus();
    }

    private static long openSegments(AshlarClient client) throws IOException {
        return status(client).getSegments().getOpen();
    }

    private static VolumeInfo volume(AshlarClient client) throws IOException {
        return client.call(Request.newBuilder()
                        .setGetVolume(GetVolume.newBuilder().setName("disk0"))
                        .build())
                .getVolume();
    }

    /** Who dies before the writer does. */
    private enum Victim {
        NOBODY,
        NODES,
        COORDINATOR,
        EVERYTHING
    }

    private void createVolume() throws Exception {
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses())) {
            client.call(Request.newBuilder()
                    .setCreateVolume(CreateVolume.newBuilder()
                            .setRequestId(client.newRequestId())
                            .setId(Id.newBuilder().setHigh(7).setLow(7))
                            .setName("disk0")
                            .setSizeBytes((long) BLOCKS * StampWriter.BLOCK_BYTES)
                            .setPolicy("rs-4-2")
                            .setCompression("none"))
                    .build());
        }
    }

    private void writeWhile(Victim victim) throws Exception {
        Process writer = startWriter();
        int killAfter = 300 + random.nextInt(600);
        int acknowledged = 0;
        boolean killed = false;
        try (BufferedReader lines = writer.inputReader(StandardCharsets.UTF_8)) {
            String line = lines.readLine();
            while (line != null) {
                acknowledged += note(line) ? 1 : 0;
                if (acknowledged == killAfter / 2 && !killed) {
                    killed = true;
                    kill(victim);
                }
                if (acknowledged >= killAfter || (killed && victim == Victim.EVERYTHING)) {
                    // By its handle: what it has printed is still to be read.
                    boolean _ = writer.toHandle().destroyForcibly();
                }
                line = lines.readLine();
            }
        }
        assertThat(acknowledged)
                .as("acknowledged, seed %d", seed)
                .isGreaterThanOrEqualTo(killAfter / 2);
        startCoordinator();
    }

    private Process startWriter() throws IOException {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                StampWriter.class.getName(),
                cluster.coordinatorAddresses().getFirst().toString(),
                "disk0",
                Integer.toString(BLOCKS),
                Integer.toString(lastStamp + 1),
                Long.toString(random.nextLong()));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Tells whether the line acknowledges. */
    private boolean note(String line) {
        String[] words = line.split(" ", -1);
        int stamp = words.length == 4 ? Integer.parseInt(words[1]) : 0;
        if (stamp == 0) {
            return false;
        }
        int first = Integer.parseInt(words[2]);
        int count = Integer.parseInt(words[3]);
        lastStamp = Math.max(lastStamp, stamp);
        for (int block = first; block < first + count; block++) {
            List<Integer> stamps = allowed.get(block);
            switch (words[0]) {
                case "issued" -> stamps.add(stamp);
                case "acknowledged" -> stamps.removeIf(older -> older < stamp);
                default -> {}
            }
        }
        return words[0].equals("acknowledged");
    }

    private void kill(Victim victim) throws IOException {
        switch (victim) {
            case NOBODY -> {}
            case NODES -> {
                cluster.kill("n" + (1 + random.nextInt(3)));
                cluster.kill("n" + (4 + random.nextInt(3)));
            }
            case COORDINATOR -> cluster.kill("c1");
            case EVERYTHING -> {
                cluster.kill("c1");
                for (int i = 1; i <= 6; i++) {
                    cluster.kill("n" + i);
                }
            }
        }
    }

    private void startCoordinator() throws Exception {
        if (!cluster.isRunning(cluster.member("c1"))) {
            cluster.start("c1");
        }
    }

    private void startMissing() throws Exception {
        cluster.startAll();
        ClusterReadiness.await(cluster);
    }

    private void check() throws Exception {
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses());
                Volume volume = client.open("disk0")) {
            ByteBuffer bytes = ByteBuffer.allocate(BLOCKS * StampWriter.BLOCK_BYTES);
            volume.read(0, bytes);
            for (int block = 0; block < BLOCKS; block++) {
                int stamp = bytes.getInt(block * StampWriter.BLOCK_BYTES);
                assertThat(allowed.get(block))
                        .as("block %d, seed %d", block, seed)
                        .contains(stamp);
                for (int at = 0; at < StampWriter.BLOCK_BYTES; at += 4) {
                    assertThat(bytes.getInt(block * StampWriter.BLOCK_BYTES + at))
                            .as("block %d is torn, seed %d", block, seed)
                            .isEqualTo(stamp);
                }
                allowed.set(block, new ArrayList<>(List.of(stamp)));
            }
            VerifyReport report = volume.verify(false, done -> {});
            assertThat(report.lostBlocks()).as("seed %d", seed).isZero();
        }
    }
}
