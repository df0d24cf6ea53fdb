package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;

/** A command's connection to the coordinators. */
public final class ClusterConnection implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(4);

    private final List<Address> coordinators;
    private final Transport transport = new NettyTransport("ashlar", 1);
    private final Loop loop = transport.nextLoop();
    private final CoordinatorCalls calls;

    public ClusterConnection(List<Address> coordinators) {
        this.coordinators = coordinators;
        this.calls = new CoordinatorCalls(transport, loop, coordinators);
    }

    /** Asks whichever coordinator leads. */
    public Response call(Request request) throws AshlarException {
        return call(request, TIMEOUT);
    }

    public Response call(Request request, Duration timeout) throws AshlarException {
        try {
            return calls.call(request, timeout.toNanos()).join();
        } catch (CompletionException e) {
            AshlarException cause = AshlarException.in(e);
            if (cause instanceof AshlarException.Unavailable unavailable
                    && !unavailable.isAnswered()) {
                throw new AshlarException.Unavailable(
                        "no coordinator answers at " + listed()
                                + ": start the cluster (ashlar up --dir DIR) or name it with --coordinator");
            }
            throw cause;
        }
    }

    private String listed() {
        return String.join(",", coordinators.stream().map(Address::toString).toList());
    }

    /** For a command to be idempotent by. */
    public static long newRequestId() {
        return new SecureRandom().nextLong() | 1;
    }

    @Override
    public void close() {
        transport.close();
    }
}
