package io.ashlar.tools.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SimulateCommandTest {

    @Test
    void runsSeedsAndSaysWhatWasInjected() {
        Ran ran = Ran.of("simulate", "--seeds", "16..16", "--json");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.DONE);
        assertThat(ran.out().lines()).hasSize(2);
        assertThat(ran.out())
                .contains("\"seed\":16", "\"holds\":true", "\"traceDigest\"", "\"faultsByKind\"");
    }

    @Test
    void refusesWhatIsNoRangeOfSeeds() {
        Ran ran = Ran.of("simulate", "--seeds", "many");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.err()).contains("A..B");
    }
}
