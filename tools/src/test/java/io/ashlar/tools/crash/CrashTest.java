package io.ashlar.tools.crash;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.ashlar.tools.crash.CrashRun.Death;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.Random;

/**
 * Real processes, killed with -9 while a volume is written: the writer, nodes, the coordinator, all at
 * once. After each death every block holds its last acknowledged content or a later one that was
 * issued, and what survives is a prefix of what was issued.
 *
 * <p>{@code ashlar.crash.cycles} says how many cycles, {@code ashlar.crash.seed} which ones; the
 * first few are one of each kind.
 */
class CrashTest {
    private static final Death[] DEATHS = Death.values();

    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    private Path directory;

    private final int cycles = Integer.getInteger("ashlar.crash.cycles", 4);
    private final long seed = Long.getLong("ashlar.crash.seed", System.nanoTime());

    @Test
    void nothingAcknowledgedIsLostWhenThePowerFails() throws Exception {
        assumeThat(CuttableDrive.missing(directory))
                .as(
                        "unsynced data cannot be made to vanish here (root and loop devices are needed)")
                .isEmpty();
        run(true);
    }

    /** The weaker one, where the other cannot run: the page cache outlives its processes. */
    @Test
    void nothingAcknowledgedIsLostWhoeverDies() throws Exception {
        assumeThat(CuttableDrive.missing(directory))
                .as("the same is done with power cuts here")
                .isPresent();
        run(false);
    }

    private void run(boolean powerCuts) throws Exception {
        String repeat = "-Dashlar.crash.seed=" + seed + " -Dashlar.crash.cycles=" + cycles;
        System.out.println("crash test: " + repeat);
        Random random = new Random(seed);
        try (CrashCluster cluster = CrashCluster.start(directory, powerCuts)) {
            CrashRun run = new CrashRun(cluster, directory, random.nextLong());
            for (int cycle = 0; cycle < cycles; cycle++) {
                Death death = DEATHS[cycle < DEATHS.length ? cycle : random.nextInt(DEATHS.length)];
                try {
                    run.cycle(death);
                } catch (Exception | AssertionError e) {
                    throw new AssertionError(
                            "cycle " + (cycle + 1) + ", " + death + ", " + repeat + ", kept in "
                                    + directory,
                            e);
                }
            }
            System.out.println("crash test: " + run.summary());
        }
    }
}
