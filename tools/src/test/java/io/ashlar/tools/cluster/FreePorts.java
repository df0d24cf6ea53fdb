package io.ashlar.tools.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Random;

/** Ports that nobody listens on, outside the range that systems give to clients. */
public final class FreePorts {
    private static final int FIRST = 10_000;
    private static final int LAST = 30_000;
    private static final int MAX_ATTEMPTS = 1000;

    private FreePorts() {}

    /** The first of so many free ports in a row. */
    public static int run(int count) {
        Random random = new Random();
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            int first = FIRST + random.nextInt(LAST - FIRST - count);
            boolean free = true;
            for (int port = first; port < first + count && free; port++) {
                free = isFree(port);
            }
            if (free) {
                return first;
            }
        }
        throw new IllegalStateException("no " + count + " free ports in a row");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
