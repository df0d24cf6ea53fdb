package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

final class CoordinatorConfigTest {
    private static final String MINIMAL = """
            id = c1
            listen = 127.0.0.1:7400
            directory = /data
            """;

    @TempDir
    private Path directory;

    private CoordinatorConfig load(String text) throws IOException {
        return CoordinatorConfig.load(Files.writeString(directory.resolve("config"), text));
    }

    @Test
    void standsAloneWithStandardTimings() throws IOException {
        CoordinatorConfig config = load(MINIMAL);
        assertThat(config.advertised()).isEqualTo(config.listen());
        assertThat(config.peers()).containsOnlyKeys("c1");
        assertThat(config.raftRpc()).isEqualTo("netty");
        assertThat(config.timings()).isEqualTo(CoordinatorConfig.Timings.standard());
        assertThat(config.repair()).isEqualTo(CoordinatorConfig.RepairLimits.standard());
        assertThat(config.timings().downAfter()).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void readsEverythingThatCanBeSaid() throws IOException {
        CoordinatorConfig config = load(MINIMAL + """
                advertised = 10.0.0.1:7400
                raft = 10.0.0.1:7500
                peers = c1@10.0.0.1:7500@10.0.0.1:7400, c2@10.0.0.2:7500@10.0.0.2:7400
                raft.rpc = GRPC
                rebuild.delay = 90s
                lease = 1500ms
                quarantine = 2h
                repair.max = 7
                page.segments = 20
                """);
        assertThat(config.advertised()).isEqualTo(new Address("10.0.0.1", 7400));
        assertThat(config.peers()).containsOnlyKeys("c1", "c2");
        assertThat(config.raftRpc()).isEqualTo("grpc");
        assertThat(config.timings().rebuildDelay()).isEqualTo(Duration.ofSeconds(90));
        assertThat(config.timings().lease()).isEqualTo(Duration.ofMillis(1500));
        assertThat(config.timings().quarantine()).isEqualTo(Duration.ofHours(2));
        assertThat(config.repair().maxRunning()).isEqualTo(7);
        assertThat(config.pageSegments()).isEqualTo(20);
    }

    @Test
    void refusesWhatItDoesNotUnderstand() {
        assertRefused(MINIMAL + "lesae = 5s\n", "unknown key \"lesae\"");
        assertRefused(MINIMAL + "lease = 5\n", "expected a time");
        assertRefused(MINIMAL + "lease = 0s\n", "a time of zero");
        assertRefused(MINIMAL + "repair.max = many\n", "a whole number");
        assertRefused(MINIMAL + "page.segments = 0\n", "expected 1 to 500");
        assertRefused(MINIMAL + "raft.rpc = pigeon\n", "netty or grpc");
        assertRefused(MINIMAL + "suspect.after = 9s\n", "cannot be down");
        assertRefused(MINIMAL + "peers = c2@a:1@b:2\n", "not among its peers");
        assertRefused(MINIMAL + "peers = c1\n", "ID@RAFT");
        assertRefused("id = c1\nlisten = 127.0.0.1:1\n", "\"directory\" is missing");
    }

    private void assertRefused(String text, String reason) {
        assertThatThrownBy(() -> load(text))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining(reason);
    }
}
