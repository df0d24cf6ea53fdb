package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The same seed gives the same trace: in one process, and in another with other hash codes. */
class DeterminismTest {
    private static final long SEED = 18;

    @Test
    void theSameSeedGivesTheSameTraceByteForByte() {
        String trace = traceOf(SEED);
        assertThat(trace).hasSizeGreaterThan(100_000).contains("FAULT", "HEAL", "came about");
        assertThat(traceOf(SEED)).isEqualTo(trace);
    }

    private static String traceOf(long seed) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Simulation.run(seed, new PrintStream(bytes, false, UTF_8), true);
        return bytes.toString(UTF_8);
    }

    @Test
    void anotherProcessWithOtherIdentityHashesGivesTheSameTrace() throws Exception {
        String here = Simulation.run(SEED, System.out, false).digest();
        assertThat(inAnotherProcess("-XX:hashCode=0")).isEqualTo(here);
    }

    /** Of the class path of this one. */
    private static String inAnotherProcess(String option) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "-XX:+UnlockExperimentalVMOptions",
                option,
                "-XX:+UseSerialGC",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                PrintDigest.class.getName(),
                String.valueOf(SEED)));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).isZero();
        return printed.strip();
    }

    /** Runs one seed and prints its trace's digest. */
    static final class PrintDigest {
        private PrintDigest() {}

        public static void main(String[] args) {
            System.out.println(
                    Simulation.run(Long.parseLong(args[0]), System.out, false).digest());
        }
    }
}
