package io.ashlar.client.transport;

import io.ashlar.client.model.Address;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A way to a port on which the first connection is half-open from its beginning: what it carries is
 * lost without an error. Later ones are forwarded.
 */
final class SwallowingProxy implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final int targetPort;

    SwallowingProxy(int targetPort) throws IOException {
        this.targetPort = targetPort;
        Thread.ofVirtual().start(this::accept);
    }

    Address address() {
        return new Address(server.getInetAddress().getHostAddress(), server.getLocalPort());
    }

    private void accept() {
        try {
            sockets.add(server.accept());
            while (true) {
                Socket from = server.accept();
                Socket to = new Socket(InetAddress.getLoopbackAddress(), targetPort);
                sockets.add(from);
                sockets.add(to);
                forward(from, to);
                forward(to, from);
            }
        } catch (IOException closed) {
            // the test is over
        }
    }

    private static void forward(Socket from, Socket to) {
        Thread.ofVirtual().start(() -> {
            try {
                from.getInputStream().transferTo(to.getOutputStream());
            } catch (IOException closed) {
                // so is the test
            }
        });
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
