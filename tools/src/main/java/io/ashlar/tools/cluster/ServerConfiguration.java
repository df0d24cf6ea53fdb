package io.ashlar.tools.cluster;

import io.ashlar.client.model.Address;
import io.ashlar.node.StorageNodeConfig;
import io.ashlar.tools.cluster.ClusterFile.Member;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Collectors;

/** Writes the files that {@code node run} and {@code coordinator run} read. */
final class ServerConfiguration {
    private ServerConfiguration() {}

    static void writeNode(Member node, List<Member> coordinators, long driveBytes)
            throws IOException {
        StringBuilder text = new StringBuilder("# Read by: ashlar node run --config FILE\n");
        line(text, "node", node.id());
        line(text, "listen", node.address());
        line(text, "zone", node.zone());
        line(
                text,
                "coordinators",
                coordinators.stream()
                        .map(one -> one.address().toString())
                        .collect(Collectors.joining(",")));
        for (int i = 0; i < node.drives().size(); i++) {
            String drive = "drive." + (i + 1);
            line(text, drive + ".directory", node.drives().get(i));
            line(text, drive + ".capacity", driveBytes);
        }
        Files.writeString(ServerProcess.configuration(node), text);
    }

    /** What {@link #writeNode} was told, unless somebody changed it since. */
    static long driveBytes(Member node) throws IOException {
        return StorageNodeConfig.load(ServerProcess.configuration(node))
                .drives()
                .getFirst()
                .capacityBytes();
    }

    static void writeCoordinator(Member coordinator, List<Member> all, int raftPortOffset)
            throws IOException {
        StringBuilder text = new StringBuilder("# Read by: ashlar coordinator run --config FILE\n");
        line(text, "id", coordinator.id());
        line(text, "listen", coordinator.address());
        line(text, "directory", coordinator.directory().resolve("data"));
        // One alone takes any port for a Raft that nobody else talks to.
        if (all.size() > 1) {
            line(text, "raft", raftAddress(coordinator, raftPortOffset));
            line(
                    text,
                    "peers",
                    all.stream()
                            .map(one -> one.id() + "@" + raftAddress(one, raftPortOffset) + "@"
                                    + one.address())
                            .collect(Collectors.joining(",")));
        }
        Files.writeString(ServerProcess.configuration(coordinator), text);
    }

    private static void line(StringBuilder text, String key, Object value) {
        text.append(key).append(" = ").append(value).append('\n');
    }

    private static Address raftAddress(Member coordinator, int raftPortOffset) {
        return new Address(
                coordinator.address().host(), coordinator.address().port() + raftPortOffset);
    }
}
