package io.ashlar.client.cluster;

import io.ashlar.client.ClientConfig;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.util.random.RandomGenerator;

/**
 * What a volume's client reaches the cluster with: everything it knows of time, randomness and the
 * network. All of it lives on the one loop.
 */
public record Cluster(
        Transport transport,
        Loop loop,
        RandomGenerator random,
        CoordinatorCalls coordinator,
        NodeHealth health,
        ClientConfig config) {

    /** For a command to be idempotent by; never 0. */
    public long newRequestId() {
        long id;
        do {
            id = random.nextLong();
        } while (id == 0);
        return id;
    }
}
