package io.ashlar.tools.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.util.Map;

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

    @Test
    void sharedOptionsStandAnywhere() {
        for (String line : new String[] {
            "--coordinator nonsense status",
            "status --coordinator nonsense",
            "node --coordinator nonsense list"
        }) {
            Ran ran = Ran.of(line.split(" "));
            assertThat(ran.exitCode()).as(line).isEqualTo(CommandTree.FAILED);
            assertThat(ran.err())
                    .as(line)
                    .contains("\"nonsense\" is not an address")
                    .hasLineCount(1);
        }
    }

    @Test
    void aPolicyThatDoesNotExistIsNamed() {
        Ran ran = Ran.of("volume", "create", "v", "--size", "1G", "--policy", "raid5");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).contains("unknown policy \"raid5\"").hasLineCount(1);
        assertThat(ran.out()).isEmpty();
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
    }
}
