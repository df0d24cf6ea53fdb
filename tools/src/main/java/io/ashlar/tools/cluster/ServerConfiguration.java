package io.ashlar.tools.cluster;

import io.ashlar.client.model.Address;
import io.ashlar.tools.cluster.ClusterFile.Member;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Writes the files that {@code node run} and {@code coordinator run} read. */
final class ServerConfiguration {
    private ServerConfiguration() {}

    static void writeNode(Member node, List<Member> coordinators, long driveBytes)
            throws IOException {
        Files.writeString(ServerProcess.configuration(node), """
                # Read by: ashlar node run --config FILE
                id=%s
                listen=%s
                advertise=%s
                zone=%s
                coordinators=%s
                drives=%s
                drive-size=%d
                """.formatted(
                        node.id(),
                        node.address(),
                        node.address(),
                        node.zone(),
                        addresses(coordinators),
                        node.drives().stream().map(Path::toString).collect(Collectors.joining(",")),
                        driveBytes));
    }

    static void writeCoordinator(Member coordinator, List<Member> all, int raftPortOffset)
            throws IOException {
        String peers = all.stream()
                .map(one -> one.id() + "@" + raftAddress(one, raftPortOffset) + "@" + one.address())
                .collect(Collectors.joining(","));
        Files.writeString(ServerProcess.configuration(coordinator), """
                # Read by: ashlar coordinator run --config FILE
                id=%s
                listen=%s
                directory=%s
                raft=%s
                peers=%s
                """.formatted(
                        coordinator.id(),
                        coordinator.address(),
                        coordinator.address(),
                        peers,
                        coordinator.directory().resolve("data")));
    }

    private static Address raftAddress(Member coordinator, int raftPortOffset) {
        return new Address(
                coordinator.address().host(), coordinator.address().port() + raftPortOffset);
    }

    private static String addresses(List<Member> members) {
        return members.stream()
                .map(member -> member.address().toString())
                .collect(Collectors.joining(","));
    }
}
