package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The network as one process has it: a connection for each address. */
final class SimulatedTransport implements Transport {
    private final SimulatedNetwork network;
    private final SimulatedProcess process;
    private final Map<Address, SimulatedConnection> connections = new LinkedHashMap<>();

    SimulatedTransport(SimulatedNetwork network, SimulatedProcess process) {
        this.network = network;
        this.process = process;
        process.atDeath(() -> connections.values().forEach(SimulatedConnection::clientDied));
    }

    @Override
    public Loop nextLoop() {
        return process;
    }

    @Override
    public void call(
            Loop loop,
            Address to,
            Request request,
            List<Buffer> bulk,
            long timeoutNanos,
            ReplyHandler handler) {
        if (!process.isAlive()) {
            bulk.forEach(Buffer::release);
            process.execute(() -> handler.failed(dead()));
            return;
        }
        if (!process.inLoop()) {
            throw new IllegalStateException("a call to " + to + " from outside its loop");
        }
        SimulatedConnection connection = connections.get(to);
        if (connection == null || connection.hasEnded()) {
            connection = new SimulatedConnection(network, process, to);
            connections.put(to, connection);
        }
        connection.call(request, SentBytes.of(process, bulk), timeoutNanos, handler);
    }

    /** Final for whoever hears it: a ghost is not to try again. */
    static AshlarException dead() {
        return new AshlarException.Fenced("this process is dead");
    }

    @Override
    public Listener listen(Address address, Service service) {
        network.serve(address, new SimulatedNetwork.Served(process, service));
        return new Listener() {
            @Override
            public Address address() {
                return address;
            }

            @Override
            public void close() {
                network.stopServing(address, service);
            }
        };
    }

    @Override
    public void close() {
        List<SimulatedConnection> all = List.copyOf(connections.values());
        all.forEach(connection -> connection.breakUp("closed"));
    }
}
