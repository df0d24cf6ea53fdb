package io.ashlar.client.nbd;

import io.ashlar.client.AshlarException;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.NettyTransport;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.net.SocketAddress;
import java.util.Collection;
import java.util.concurrent.TimeUnit;

/**
 * Serves disks to NBD clients: QEMU, libnbd, fio, the Linux kernel. Connections live on the loops of
 * the transport that the volumes use, so that nothing goes from thread to thread where there is one
 * loop.
 */
public final class NbdServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NbdServer.class);

    private static final int MAX_CONNECTIONS = 256;

    /** For the data of requests under way, but never more than a quarter of all there is. */
    private static final long MAX_MEMORY_BYTES = 256L << 20;

    private static final long MIN_MEMORY_BYTES = 2L * NbdFormat.MAX_PAYLOAD_BYTES;

    /** Requests under way may take so long to end when the server leaves. */
    private static final long LEAVE_WITHIN_SECONDS = 10;

    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final MemoryBudget budget;
    private final Exports exports;
    private final NettyTransport.Accepting accepting;

    private NbdServer(
            NettyTransport transport,
            SocketAddress address,
            Collection<? extends NbdExport> exports)
            throws AshlarException {
        this.exports = new Exports(exports);
        this.budget = new MemoryBudget(
                Math.clamp(Buffer.maxMemoryBytes() / 4, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES));
        this.accepting = transport.accept(address, new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                begin(channel);
            }
        });
    }

    /**
     * Starts to serve.
     *
     * @param transport whose loops are used; it outlives the server
     * @param address to listen at, of TCP or of a Unix socket
     */
    public static NbdServer start(
            NettyTransport transport,
            SocketAddress address,
            Collection<? extends NbdExport> exports)
            throws AshlarException {
        return new NbdServer(transport, address, exports);
    }

    /** Where it listens: the port that the system chose where none was asked for. */
    public SocketAddress address() {
        return accepting.address();
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void begin(Channel channel) {
        if (connections.size() >= MAX_CONNECTIONS) {
            LOG.warn("event=nbd_refused reason=\"{} connections are open\"", MAX_CONNECTIONS);
            channel.close();
            return;
        }
        connections.add(channel);
        channel.pipeline()
                .addLast(new Handshake(
                        exports, negotiated -> new Transmission(channel, negotiated, budget)));
    }

    /** Takes no connection any more, lets requests under way end, and closes what is open. */
    @Override
    public void close() {
        accepting.close();
        for (Channel channel : connections) {
            channel.eventLoop().execute(() -> shutDown(channel));
        }
        boolean left = connections
                .newCloseFuture()
                .awaitUninterruptibly(LEAVE_WITHIN_SECONDS, TimeUnit.SECONDS);
        if (!left) {
            connections.close().awaitUninterruptibly();
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the group waits for it
    private static void shutDown(Channel channel) {
        Transmission transmission = channel.pipeline().get(Transmission.class);
        if (transmission == null) {
            channel.close();
        } else {
            transmission.shutDown();
        }
    }
}
