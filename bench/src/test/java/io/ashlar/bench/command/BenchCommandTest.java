package io.ashlar.bench.command;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Console;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;

class BenchCommandTest {
    /** What a command line did. */
    record Ran(int exitCode, String out, String err) {
        static Ran of(String... args) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            Console console = new Console(
                    InputStream.nullInputStream(),
                    new PrintStream(out, true, UTF_8),
                    new PrintStream(err, true, UTF_8),
                    Map.of(),
                    false);
            int exitCode = CommandTree.run(console, args);
            return new Ran(exitCode, out.toString(UTF_8), err.toString(UTF_8));
        }
    }

    @Test
    void joinsTheOtherCommands() {
        assertThat(Ran.of().out()).contains("bench", "doctor");
        assertThat(Ran.of("completion", "bash").out()).contains("bench", "--pattern");
        assertThat(Ran.of("bench", "--help").out()).contains("Usage: ashlar bench", "encode", "io");
        assertThat(Ran.of("--coordinator", "bench:1", "doctor", "--help").out())
                .contains("Usage: ashlar doctor");
    }

    @ParameterizedTest
    @ValueSource(strings = {"encode", "io", "map"})
    void everyCommandExplainsItself(String command) {
        Ran ran = Ran.of("bench", command, "--help");
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).contains("Usage: ashlar bench " + command);
        assertThat(ran.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "rebuild",
                "io",
                "io --volume v",
                "io --volume a/b --pattern randread",
                "io --volume v --pattern randread --coordinator nonsense",
                "io --volume v --pattern backwards",
                "io --volume v --pattern randread --block 5000",
                "io --volume v --pattern randread --block 0",
                "io --volume v --pattern randread --block 9T",
                "io --volume v --pattern randread --depth 0",
                "io --volume v --pattern seqwrite --depth 1000",
                "io --volume v --pattern randread --seconds 0",
                "io --volume v --pattern randread --warmup -1",
                "io --volume v --pattern randread --mix 50",
                "io --volume v --pattern randwrite --mix 101",
                "io --volume v --pattern randwrite --api telepathic",
                "encode --policy raid5",
                "encode --cell 1000",
                "encode --cell 1G",
                "encode --rounds 0",
                "map --writes 0",
                "map --size 100",
                "stall",
                "stall --dir /nowhere --kills 0",
                "stall --dir /nowhere --policy raid5",
                "stall --dir /nowhere --at-once 0",
                "stall --dir /nowhere --at-once 3",
            })
    void misuseIsOneLineAndExitCodeTwo(String line) {
        Ran ran = Ran.of(("bench " + line).strip().split(" "));
        assertThat(ran.exitCode()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err()).startsWith("ashlar: ").hasLineCount(1).contains("--help");
    }

    @Test
    void mapMeasuresWithoutACluster(@TempDir Path directory) {
        Ran ran = Ran.of(
                "bench",
                "map",
                "--size",
                "64M",
                "--writes",
                "20000",
                "--dir",
                directory.toString(),
                "--json");
        assertThat(ran.exitCode()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains("\"sizeBytes\":67108864")
                .contains("\"writes\":20000", "\"runBytesPerWrite\":", "\"machine\":");
    }

    @Test
    void stallNeedsAClusterOfThisMachine(@TempDir Path directory) {
        Ran ran = Ran.of("bench", "stall", "--dir", directory.toString());
        assertThat(ran.exitCode()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).hasLineCount(1).contains("holds no cluster", "ashlar up");
    }

    @Test
    void withoutAClusterSaysWhatToDo() {
        Ran ran = Ran.of(
                "bench",
                "io",
                "--volume",
                "v",
                "--pattern",
                "randread",
                "--coordinator",
                "127.0.0.1:1");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).contains("no coordinator answers", "ashlar up").hasLineCount(1);
    }
}
