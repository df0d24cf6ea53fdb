package io.ashlar.tools.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

class CommandTreeTest {
    @Test
    void withoutArgumentsExplainsItself() {
        Ran ran = Ran.of();
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).contains("Usage: ashlar", "doctor", "Begin with: ashlar demo");
        assertThat(ran.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "up",
                "down",
                "node",
                "node list",
                "node start",
                "coordinator start",
                "volume",
                "volume create",
                "volume import",
                "volume export",
                "volume verify",
                "status",
                "events",
                "scrub start",
                "scrub status",
                "repair start",
                "repair pause",
                "doctor",
                "completion"
            })
    void everyCommandExplainsItself(String command) {
        Ran ran = Ran.of((command + " --help").split(" "));
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).contains("Usage: ashlar " + command);
        assertThat(ran.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no-such-command",
                "doctor --no-such-option",
                "doctor x y z",
                "completion tcsh"
            })
    void misuseIsOneLineAndExitCodeTwo(String line) {
        Ran ran = Ran.of(line.split(" "));
        assertThat(ran.exitCode()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err()).startsWith("ashlar: ").hasLineCount(1).contains("--help");
    }

    /** Nothing listens there: what can be judged without a cluster is not asked of one. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "volume create v --size 0                          | multiple of 4096",
                "volume create v --size 4097                       | multiple of 4096",
                "volume create v --size -4096                      | is not a size",
                "volume create v --size 1X                         | is not a size",
                "volume create v --size 99999999999999999999       | is not a size",
                "volume create v --size 8388608T                   | is not a size",
                "volume create v --size 1025T                      | at most 1125899906842624",
                "volume create v --size 1G --policy foo            | unknown policy \"foo\"",
                "volume create v --size 1G --policy rs-4-0         | unknown policy \"rs-4-0\"",
                "volume create v --size 1G --compression lzma      | unknown compression \"lzma\"",
                "volume create v --size 1G --compression zstd:20   | unknown compression \"zstd:20\"",
                "volume create a/b --size 1G                       | \"a/b\" is no name",
                "volume info a/b                                   | \"a/b\" is no name",
                "volume delete a/b                                 | \"a/b\" is no name",
                "volume import - a/b                               | \"a/b\" is no name",
                "volume export a/b -                               | \"a/b\" is no name",
                "volume verify a/b                                 | \"a/b\" is no name",
                "scrub start --volume a/b                          | \"a/b\" is no name",
                "inspect segment xyz                               | 32 hexadecimal digits",
                "inspect segment 0123456789abcdef0123456789abcdeg  | 32 hexadecimal digits",
                "up --dir /nonexistent/x --nodes 0                 | --nodes is 0",
                "up --dir /nonexistent/x --nodes six               | 'six' is not an int",
                "up --dir /nonexistent/x --drive-size 1K           | --drive-size",
                "up --dir /nonexistent/x --drive-size 1025T        | --drive-size",
                "--coordinator foo status                          | \"foo\" is not an address",
                "status --coordinator foo                          | \"foo\" is not an address",
                "node --coordinator foo list                       | \"foo\" is not an address",
                "status --coordinator h:0                          | port from 1",
                "status --coordinator h:65536                      | \"h:65536\" is not an address",
                "status --coordinator h:1,                         | \"\" is not an address",
            })
    void whatTheCommandLineAloneShowsToBeWrongIsMisuse(String line, String reason) {
        Ran ran = Ran.of(Map.of("ASHLAR_COORDINATOR", "127.0.0.1:1"), line.split(" "));
        assertThat(ran.exitCode()).as(ran.toString()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err()).startsWith("ashlar: ").hasLineCount(1).contains(reason, "--help");
    }

    @Test
    void theEnvironmentIsHeldToTheSameRule() {
        Ran ran = Ran.of(Map.of("ASHLAR_COORDINATOR", "nonsense"), "status");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.err())
                .contains("ASHLAR_COORDINATOR", "\"nonsense\" is not an address")
                .hasLineCount(1);
    }

    /** The counterpart: the same commands, well-formed, fail only because nobody is there. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "volume create v --size 1024T --policy rs-1-2 --compression zstd:19",
                "inspect segment 0123456789abcdef0123456789ABCDEF"
            })
    void whatFailsInOperationIsNoMisuse(String line) {
        Ran ran = Ran.of(Map.of("ASHLAR_COORDINATOR", "127.0.0.1:1"), line.split(" "));
        assertThat(ran.exitCode()).as(ran.toString()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).contains("no coordinator answers at 127.0.0.1:1").hasLineCount(1);
    }

    @Test
    void aKernelThatDoesNotExistIsNamed() {
        Ran ran = Ran.of(Map.of("ASHLAR_KERNEL", "turbo"), "doctor");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.err()).contains("turbo", "isal, vector, plain").hasLineCount(1);
    }

    @Test
    void completionNamesEveryCommand() {
        Ran ran = Ran.of("completion", "bash");
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).contains("complete -F").contains("doctor");
    }

    @Test
    void doctorReportsOneJsonObject() throws IOException {
        Ran ran = Ran.of("doctor", "--json");
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).hasLineCount(1);
        assertThat(JSON.std.mapFrom(ran.out()))
                .containsKeys("java", "kernel", "drive", "ports", "advice");
        assertThat(rates(ran.out()))
                .isNotEmpty()
                .allSatisfy(rate -> assertThat(rate)
                        .as("GB/s of a kernel that is compiled: an interpreted one codes 0.001")
                        .isGreaterThan(0.02));
    }

    private static List<Double> rates(String json) {
        return Pattern.compile("\"encodeGigabytesPerSecond\":([0-9.E-]+)")
                .matcher(json)
                .results()
                .map(result -> Double.valueOf(result.group(1)))
                .toList();
    }
}
