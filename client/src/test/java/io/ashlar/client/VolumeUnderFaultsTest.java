package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * One volume, written while nodes die and come back, messages are lost and its writer is killed:
 * after every takeover each block holds its last acknowledged content or a later one that was
 * issued, and what survives is a prefix of the order of writing. Meanwhile {@link LogOrderWatch} looks
 * at what writers send.
 */
class VolumeUnderFaultsTest {
    private static final int SEEDS = Integer.getInteger("ashlar.seeds", 150);
    private static final long FIRST_SEED = Long.getLong("ashlar.seed", System.nanoTime());
    private static final int BLOCKS = 64;
    private static final List<Request.BodyCase> COMMANDS = List.of(
            Request.BodyCase.CREATE_SEGMENT,
            Request.BodyCase.OPEN_SEGMENT,
            Request.BodyCase.SEAL_SEGMENTS);
    private static final long SECOND = 1_000_000_000L;

    @Test
    void nothingAcknowledgedIsLostAndNothingOlderIsRead() {
        for (int i = 0; i < SEEDS; i++) {
            long seed = FIRST_SEED + i;
            try {
                new Run(seed).play();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ": repeat with mvn test -pl client -am"
                                + " -Dtest=VolumeUnderFaultsTest -Dashlar.seeds=1 -Dashlar.seed="
                                + seed,
                        e);
            }
        }
    }

    private static final class Run {
        private final SplittableRandom random;
        private final FakeLoop loop = new FakeLoop();
        private final Policy policy;
        private final int nodeCount;
        private final FakeCluster cluster;
        private final ClientConfig config;

        /** Since the last takeover, in the order they were issued. */
        private final List<Issued> issued = new ArrayList<>();

        /** What each block was found to hold by the last takeover. */
        private int[] base = new int[BLOCKS];

        private int lastStamp;

        private FakeCluster.ClientTransport transport;
        private Volume volume;

        private static final class Issued {
            final int block;
            final int count;

            /** What its blocks hold then; 0 for zeroes. */
            final int stamp;

            boolean acknowledged;

            /** Refused while the writer lived: in the log are at most parts of it. */
            boolean failed;

            Issued(int block, int count, int stamp) {
                this.block = block;
                this.count = count;
                this.stamp = stamp;
            }

            boolean covers(int at) {
                return at >= block && at < block + count;
            }
        }

        Run(long seed) {
            random = new SplittableRandom(seed);
            Policy[] policies = {new Policy(4, 2), new Policy(2, 1), new Policy(1, 2)};
            policy = policies[random.nextInt(policies.length)];
            nodeCount = policy.n() + random.nextInt(3);
            cluster = new FakeCluster(loop, random, nodeCount, policy, BLOCKS * 4096L);
            config = config(random.nextBoolean() ? 96 * 1024 : 256 * 1024);
            cluster.watch(new LogOrderWatch(cluster));
            transport = cluster.newClient();
            volume = open();
        }

        /** With small segments the window spans several of them, most of the time. */
        private static ClientConfig config(int maxShardBytes) {
            return new ClientConfig(
                    Duration.ofMillis(100),
                    Duration.ofMillis(100),
                    Duration.ofSeconds(1),
                    Duration.ofMillis(500),
                    Duration.ofSeconds(2),
                    Duration.ofSeconds(1),
                    4,
                    16 * 4096,
                    1 << 20,
                    12,
                    new MapLimits(8192, 64 * 1024, 2, 1),
                    96 * 1024,
                    maxShardBytes);
        }

        void play() {
            drawFaults();
            for (int step = 0; step < 120; step++) {
                switch (random.nextInt(12)) {
                    case 0 -> killSome();
                    case 1 -> startSome();
                    case 2 -> {
                        if (random.nextBoolean()) {
                            takeOver();
                        }
                    }
                    case 3 -> loop.runFor(random.nextLong(20_000_000));
                    case 4, 5 -> loop.runFor(random.nextLong(3_000_000));
                    default -> write();
                }
            }
            takeOver();
            transport.kill();
            loop.runFor(10 * SECOND);
        }

        /** What is wrong with the network until the next takeover. */
        private void drawFaults() {
            double[] rates = {0, 0, 0.01, 0.05};
            cluster.loseMessages(rates[random.nextInt(rates.length)]);
            for (Request.BodyCase command : COMMANDS) {
                cluster.loseMessages(command, random.nextInt(3) == 0 ? 0.5 : 0);
            }
            for (int i = 0; i < nodeCount; i++) {
                cluster.slow(i, random.nextInt(8) == 0 ? random.nextLong(80_000_000) : 0);
            }
        }

        private void heal() {
            startAll();
            cluster.loseMessages(0);
            spareCommands();
            for (int i = 0; i < nodeCount; i++) {
                cluster.slow(i, 0);
            }
        }

        private void spareCommands() {
            for (Request.BodyCase command : COMMANDS) {
                cluster.loseMessages(command, 0);
            }
        }

        private int down() {
            int down = 0;
            for (int i = 0; i < nodeCount; i++) {
                down += cluster.isUp(i) ? 0 : 1;
            }
            return down;
        }

        private void killSome() {
            if (down() < policy.m() && nodeCount - down() > policy.minDomains()) {
                cluster.kill(random.nextInt(nodeCount));
            }
        }

        private void startAll() {
            for (int i = 0; i < nodeCount; i++) {
                if (!cluster.isUp(i)) {
                    cluster.start(i);
                }
            }
        }

        private void startSome() {
            int index = random.nextInt(nodeCount);
            if (!cluster.isUp(index)) {
                cluster.start(index);
            }
        }

        private void write() {
            int block = random.nextInt(BLOCKS);
            int count = 1 + random.nextInt(Math.min(BLOCKS - block, 24));
            boolean zero = random.nextInt(8) == 0;
            Issued one = new Issued(block, count, zero ? 0 : ++lastStamp);
            issued.add(one);
            CompletableFuture<Void> done;
            if (zero) {
                done = volume.zeroAsync(block * 4096L, count * 4096L);
            } else {
                ByteBuffer bytes = ByteBuffer.allocate(count * 4096);
                for (int i = 0; i < count * 1024; i++) {
                    bytes.putInt(one.stamp);
                }
                done = volume.writeAsync(block * 4096L, bytes.flip());
            }
            FakeCluster.ClientTransport writer = transport;
            var _ = done.whenComplete((ignored, failure) -> {
                one.acknowledged = failure == null;
                one.failed = failure != null && writer.isAlive();
            });
        }

        /**
         * The writer dies, at any moment of its work or with its window just sent, alone or with as
         * many nodes as a segment survives; another opens the volume and reads it.
         */
        private void takeOver() {
            if (random.nextBoolean()) {
                for (int i = random.nextInt(8); i >= 0; i--) {
                    write();
                }
                loop.runFor(random.nextLong(6_000_000));
            }
            transport.kill();
            spareCommands();
            if (random.nextBoolean()) {
                for (int i = 0; i < policy.m(); i++) {
                    killSome();
                }
            }
            for (int i = 0; i < nodeCount; i++) {
                if (!cluster.isUp(i) && (down() > policy.m() || random.nextBoolean())) {
                    cluster.start(i);
                }
            }
            transport = cluster.newClient();
            volume = open();
            check(readAll());
            drawFaults();
        }

        private Volume open() {
            Cluster reached = new Cluster(
                    transport,
                    loop,
                    random,
                    new CoordinatorCalls(transport, loop, List.of(FakeCluster.COORDINATOR)),
                    new NodeHealth(),
                    config);
            return finish(() -> Volume.open(reached, "disk0", new OpenOptions("test")));
        }

        /**
         * Messages may be lost, and a doubled-up segment may miss more than m shards: what was
         * unavailable is asked for again, in the end with every node up and nothing wrong.
         */
        private <T> T finish(Supplier<CompletableFuture<T>> action) {
            for (int attempt = 0; ; attempt++) {
                CompletableFuture<T> outcome = action.get();
                loop.runUntil(outcome::isDone, 60 * SECOND);
                if (!outcome.isCompletedExceptionally() || attempt >= 5) {
                    return outcome.join();
                }
                if (attempt == 2) {
                    heal();
                }
            }
        }

        private int[] readAll() {
            ByteBuffer bytes = ByteBuffer.allocate(BLOCKS * 4096);
            finish(() -> volume.readAsync(0, bytes));
            int[] stamps = new int[BLOCKS];
            for (int block = 0; block < BLOCKS; block++) {
                stamps[block] = bytes.getInt(block * 4096);
                for (int i = 0; i < 1024; i++) {
                    assertThat(bytes.getInt(block * 4096 + i * 4))
                            .as("block %d is torn", block)
                            .isEqualTo(stamps[block]);
                }
            }
            return stamps;
        }

        /** Looks for a length of the order of writing that explains every block. */
        private void check(int[] stamps) {
            int acknowledged = 0;
            for (int i = 0; i < issued.size(); i++) {
                acknowledged = issued.get(i).acknowledged ? i + 1 : acknowledged;
            }
            if (!isExplained(acknowledged, stamps)) {
                throw new AssertionError("no prefix of at least " + acknowledged + " of "
                        + issued.size() + " writes explains " + Arrays.toString(stamps));
            }
            issued.clear();
            base = stamps;
        }

        /** The last write of a prefix may span stripes, and survive in part. */
        private boolean isExplained(int acknowledged, int[] stamps) {
            for (int prefix = issued.size(); prefix >= acknowledged; prefix--) {
                if (explains(prefix, 0, stamps)) {
                    return true;
                }
                int cutAtMost = prefix > acknowledged ? issued.get(prefix - 1).count : 0;
                for (int count = 1; count < cutAtMost; count++) {
                    if (explains(prefix, count, stamps)) {
                        return true;
                    }
                }
            }
            return false;
        }

        private boolean explains(int prefix, int countOfLast, int[] stamps) {
            for (int block = 0; block < BLOCKS; block++) {
                if (!explains(prefix, countOfLast, block, stamps[block])) {
                    return false;
                }
            }
            return true;
        }

        private boolean explains(int prefix, int countOfLast, int block, int stamp) {
            for (int i = prefix - 1; i >= 0; i--) {
                Issued one = issued.get(i);
                boolean cut =
                        i == prefix - 1 && countOfLast > 0 && block >= one.block + countOfLast;
                if (one.covers(block) && !cut) {
                    if (one.stamp == stamp) {
                        return true;
                    }
                    if (!one.failed) {
                        return false;
                    }
                }
            }
            return base[block] == stamp;
        }
    }
}
