package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;

/** Waits until one process listens. */
public final class MemberReadiness {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int CONNECT_TIMEOUT_MILLIS = 1000;
    private static final Duration PAUSE = Duration.ofMillis(50);

    private MemberReadiness() {}

    public static void await(LocalCluster cluster, String id)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            cluster.requireRunning(id);
            if (listens(cluster.member(id).address())) {
                return;
            }
            if (System.nanoTime() > deadline) {
                throw new AshlarException.Unavailable(id + " does not listen after "
                        + PATIENCE.toSeconds() + " s; see its log in " + cluster.directory());
            }
            Thread.sleep(PAUSE);
        }
    }

    private static boolean listens(Address address) {
        try (Socket socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(address.host(), address.port()), CONNECT_TIMEOUT_MILLIS);
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
