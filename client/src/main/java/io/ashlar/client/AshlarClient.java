package io.ashlar.client;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;

import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;

/**
 * A cluster, as its users reach it: open volumes, ask the coordinator. Safe for use by many threads.
 *
 * <pre>{@code
 * try (AshlarClient client = AshlarClient.connect(Address.parseList("127.0.0.1:7400"));
 *         Volume volume = client.open("disk0")) {
 *     volume.write(0, ByteBuffer.wrap(block));
 * }
 * }</pre>
 */
public final class AshlarClient implements AutoCloseable {
    private final Transport transport;
    private final List<Address> coordinators;
    private final ClientConfig config;
    private final RandomGenerator random;
    private final CoordinatorCalls calls;

    private AshlarClient(
            Transport transport,
            List<Address> coordinators,
            ClientConfig config,
            RandomGenerator random) {
        this.transport = transport;
        this.coordinators = List.copyOf(coordinators);
        this.config = config;
        this.random = random;
        this.calls = new CoordinatorCalls(transport, transport.nextLoop(), coordinators);
    }

    /** Nothing is sent before it is needed. */
    public static AshlarClient connect(List<Address> coordinators) {
        return connect(coordinators, ClientConfig.DEFAULT);
    }

    public static AshlarClient connect(List<Address> coordinators, ClientConfig config) {
        return connect(
                new NettyTransport("ashlar-client", 1), coordinators, config, new SecureRandom());
    }

    /** Over a transport, which it closes in the end. */
    public static AshlarClient connect(
            Transport transport,
            List<Address> coordinators,
            ClientConfig config,
            RandomGenerator random) {
        return new AshlarClient(transport, coordinators, config, random);
    }

    /**
     * Asks the leading coordinator, for as long as the configuration says where none answers.
     * Commands carry request ids, so that asking twice does no harm.
     */
    public Response call(Request request) throws AshlarException {
        return Waiting.on(callAsync(request));
    }

    /** The same without blocking. */
    public CompletableFuture<Response> callAsync(Request request) {
        return calls.call(request, config.coordinatorTimeout().toNanos());
    }

    /** A number for a command to be idempotent by. */
    public long newRequestId() {
        return random.nextLong() | 1;
    }

    /** Opens a volume for this process. */
    public Volume open(String name) throws AshlarException {
        return open(name, OpenOptions.forProcess("client"));
    }

    /**
     * Opens a volume: takes it over from a writer that died, recovering all that was acknowledged.
     *
     * @throws AshlarException.Unavailable where another holder lives, or where too few nodes answer
     *     to know what was acknowledged
     * @throws AshlarException.InsufficientShards where that is known, and too few nodes answer to
     *     read the volume's map
     */
    public Volume open(String name, OpenOptions options) throws AshlarException {
        return Waiting.on(openAsync(name, options));
    }

    /** The same without blocking. */
    public CompletableFuture<Volume> openAsync(String name, OpenOptions options) {
        Loop loop = transport.nextLoop();
        Cluster cluster = new Cluster(
                transport,
                loop,
                random,
                new CoordinatorCalls(transport, loop, coordinators),
                new NodeHealth(),
                config);
        return Volume.open(cluster, name, options);
    }

    @Override
    public void close() {
        transport.close();
    }
}
