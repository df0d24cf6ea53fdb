package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.Address;
import io.ashlar.tools.cluster.ClusterFile.Member;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

class ServerProcessTest {
    private static final int STARTS = 20;
    private static final Duration WATCHED = Duration.ofMillis(15);

    @TempDir
    Path directory;

    /** The system shows no command line while one program takes the place of another. */
    @Test
    void isFoundWhileItsProgramIsBeingLoaded() throws IOException {
        Member member = new Member("c1", new Address("127.0.0.1", 1), 0, directory, "", List.of());
        for (int i = 0; i < STARTS; i++) {
            Member started =
                    member.withPid(ServerProcess.start(ServerProcess.Kind.COORDINATOR, member));
            long end = System.nanoTime() + WATCHED.toNanos();
            while (System.nanoTime() < end) {
                assertThat(ServerProcess.find(started)).isPresent();
            }
            kill(started);
            assertThat(ServerProcess.find(started)).isEmpty();
        }
    }

    private static void kill(Member member) {
        ProcessHandle process = ServerProcess.find(member).orElseThrow();
        assertThat(process.destroyForcibly()).isTrue();
        process.onExit().join();
    }
}
