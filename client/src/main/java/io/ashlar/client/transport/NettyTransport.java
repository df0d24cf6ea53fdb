package io.ashlar.client.transport;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The transport over TCP: one connection for each loop and address, on that loop. */
public final class NettyTransport implements Transport {
    private static final int CONNECT_TIMEOUT_MILLIS = 2_000;
    private static final int DEAD_PEER_MILLIS = 30_000;
    private static final int KEEPALIVE_SECONDS = 10;
    private static final WriteBufferWaterMark WATER_MARK =
            new WriteBufferWaterMark(4 << 20, 16 << 20);

    /** Of connections to anybody: who does not read keeps little waiting. */
    private static final WriteBufferWaterMark LOW_WATER_MARK =
            new WriteBufferWaterMark(64 << 10, 512 << 10);

    private final MultiThreadIoEventLoopGroup group;
    private final boolean epoll = Epoll.isAvailable();

    /** Each inner map is touched by its loop only. */
    private final Map<Loop, Map<Address, ClientConnection>> connections = new ConcurrentHashMap<>();

    /**
     * @param name of the threads
     * @param threads event loops, at least 1
     */
    public NettyTransport(String name, int threads) {
        IoHandlerFactory handlers = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        this.group = new MultiThreadIoEventLoopGroup(
                threads, new DefaultThreadFactory(name, true), handlers);
    }

    @Override
    public Loop nextLoop() {
        return new NettyLoop(group.next());
    }

    @Override
    public void call(
            Loop loop,
            Address to,
            Request request,
            List<Buffer> bulk,
            long timeoutNanos,
            ReplyHandler handler) {
        if (!loop.inLoop()) {
            throw new IllegalStateException("a call to " + to + " from outside its loop");
        }
        Map<Address, ClientConnection> ofLoop =
                connections.computeIfAbsent(loop, ignored -> new HashMap<>());
        ClientConnection connection = ofLoop.get(to);
        if (connection == null || !connection.takesCalls()) {
            connection = new ClientConnection(loop, to);
            ofLoop.put(to, connection);
            connection.connect(bootstrap(((NettyLoop) loop).eventLoop()));
        }
        connection.call(request, bulk, timeoutNanos, handler);
    }

    private Bootstrap bootstrap(EventLoop eventLoop) {
        Bootstrap bootstrap = new Bootstrap()
                .group(eventLoop)
                .channel(epoll ? EpollSocketChannel.class : NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS);
        deadPeerOptions().forEach(option -> bootstrap.option(option.option(), option.value()));
        return bootstrap;
    }

    /** An option of sockets that are counted or timed by the operating system. */
    private record SocketOption(ChannelOption<Integer> option, int value) {}

    /** End a connection of which the peer, or the way to it, is gone without a word. */
    private List<SocketOption> deadPeerOptions() {
        return epoll
                ? List.of(
                        new SocketOption(EpollChannelOption.TCP_USER_TIMEOUT, DEAD_PEER_MILLIS),
                        new SocketOption(EpollChannelOption.TCP_KEEPIDLE, KEEPALIVE_SECONDS),
                        new SocketOption(EpollChannelOption.TCP_KEEPINTVL, KEEPALIVE_SECONDS))
                : List.of();
    }

    @Override
    public Listener listen(Address address, Service service) throws AshlarException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(group)
                .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        ServerConnection connection = new ServerConnection(channel, service);
                        channel.pipeline()
                                .addLast(new FrameDecoder<>(
                                        FrameFormat.REQUEST, Request.parser(), connection))
                                .addLast(connection);
                    }
                });
        deadPeerOptions().forEach(option -> bootstrap.childOption(option.option(), option.value()));
        ChannelFuture bound = bootstrap.bind(address.host(), address.port()).awaitUninterruptibly();
        if (bound.cause() != null) {
            throw new AshlarException.Unavailable("cannot listen on " + address + ": "
                    + bound.cause().getMessage() + "; is another process using the port?");
        }
        return new NettyListener(address, bound.channel());
    }

    /** Connections of another protocol are taken. */
    public interface Accepting extends AutoCloseable {
        /** Where: the port that the system chose where none was asked for. */
        SocketAddress address();

        @Override
        void close();
    }

    /**
     * Takes connections of another protocol, which live on the loops of this transport.
     *
     * @param address of TCP, or of a Unix socket, whose file must not be there
     */
    public Accepting accept(SocketAddress address, ChannelInitializer<Channel> connections)
            throws AshlarException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(group)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, LOW_WATER_MARK)
                .childHandler(connections);
        SocketAddress bindTo = address;
        if (address instanceof UnixDomainSocketAddress unix) {
            bootstrap.channel(
                    epoll
                            ? EpollServerDomainSocketChannel.class
                            : NioServerDomainSocketChannel.class);
            bindTo = epoll ? new DomainSocketAddress(unix.getPath().toFile()) : unix;
        } else {
            bootstrap
                    .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .childOption(ChannelOption.TCP_NODELAY, true)
                    .childOption(ChannelOption.SO_KEEPALIVE, true);
            deadPeerOptions()
                    .forEach(option -> bootstrap.childOption(option.option(), option.value()));
        }
        ChannelFuture bound = bootstrap.bind(bindTo).awaitUninterruptibly();
        if (bound.cause() != null) {
            throw new AshlarException.Unavailable("cannot listen on " + address + ": "
                    + bound.cause().getMessage() + "; is another process using it?");
        }
        return new NettyAccepting(address, bound.channel());
    }

    private record NettyAccepting(SocketAddress asked, Channel channel) implements Accepting {
        @Override
        public SocketAddress address() {
            return channel.localAddress() instanceof InetSocketAddress inet ? inet : asked;
        }

        @Override
        public void close() {
            channel.close().awaitUninterruptibly();
        }
    }

    private record NettyListener(Address asked, Channel channel) implements Listener {
        @Override
        public Address address() {
            int port = ((InetSocketAddress) channel.localAddress()).getPort();
            return new Address(asked.host(), port);
        }

        @Override
        public void close() {
            channel.close().awaitUninterruptibly();
        }
    }

    /** Closes every connection; calls still pending fail. */
    @Override
    public void close() {
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
