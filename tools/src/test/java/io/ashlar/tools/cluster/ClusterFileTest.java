package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.jr.ob.JSON;

import io.ashlar.client.AshlarException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

class ClusterFileTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    private static LocalCluster.Shape shape(int port) {
        return new LocalCluster.Shape(1, 3, port, 1 << 30, 2, 2);
    }

    @Test
    void describesEveryProcessAsPromised() throws IOException {
        int port = FreePorts.run(20);
        LocalCluster.openOrCreate(directory, shape(port));
        Map<String, Object> json =
                JSON.std.mapFrom(Files.readString(directory.resolve("cluster.json")));
        assertThat(json).containsOnlyKeys("coordinators", "nodes");
        Map<?, ?> coordinator = member(json, "coordinators", 0);
        assertThat(coordinator.keySet()).isEqualTo(java.util.Set.of("id", "address", "pid", "dir"));
        assertThat(coordinator.get("address")).isEqualTo("127.0.0.1:" + port);
        Map<?, ?> node = member(json, "nodes", 1);
        assertThat(node.keySet())
                .isEqualTo(java.util.Set.of("id", "address", "pid", "zone", "drives"));
        assertThat(node.get("zone")).isEqualTo("z2");
        assertThat((List<?>) node.get("drives"))
                .hasSize(2)
                .allSatisfy(drive ->
                        assertThat(Path.of((String) drive)).isAbsolute().isDirectory());
    }

    private static Map<?, ?> member(Map<String, Object> json, String kind, int index) {
        List<?> members = (List<?>) requireNonNull(json.get(kind));
        return (Map<?, ?>) requireNonNull(members.get(index));
    }

    @Test
    void comesBackAsItWasWhateverShapeIsAskedFor() throws IOException {
        ClusterFile first =
                LocalCluster.openOrCreate(directory, shape(FreePorts.run(20))).file();
        ClusterFile second = LocalCluster.openOrCreate(
                        directory, new LocalCluster.Shape(1, 6, 7400, 1 << 30, 1, 1))
                .file();
        assertThat(second).isEqualTo(first);
    }

    @Test
    void saysWhichPortIsOccupiedAndMakesNothing() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Path fresh = directory.resolve("fresh");
            assertThatThrownBy(() -> LocalCluster.openOrCreate(fresh, shape(taken.getLocalPort())))
                    .isInstanceOf(AshlarException.Unavailable.class)
                    .hasMessageContaining("port " + taken.getLocalPort() + " is occupied");
            assertThat(fresh).doesNotExist();
        }
    }

    @Test
    void refusesWhatIsNoClusterFile() throws IOException {
        assertThatThrownBy(() -> LocalCluster.open(directory))
                .isInstanceOf(AshlarException.NotFound.class)
                .hasMessageContaining("holds no cluster");
        for (String text :
                List.of("", "[]", "{}", "{\"coordinators\":[3],\"nodes\":[]}", "{\"coord")) {
            Files.writeString(directory.resolve("cluster.json"), text);
            assertThatThrownBy(() -> LocalCluster.open(directory))
                    .as(text)
                    .isInstanceOf(AshlarException.Incompatible.class);
        }
    }

    @Test
    void aProcessIdGivenToAnotherProgramIsNotTheMember() throws IOException {
        LocalCluster cluster = LocalCluster.openOrCreate(directory, shape(FreePorts.run(20)));
        ClusterFile.Member node =
                cluster.member("n1").withPid(ProcessHandle.current().pid());
        assertThat(cluster.isRunning(node)).isFalse();
    }
}
