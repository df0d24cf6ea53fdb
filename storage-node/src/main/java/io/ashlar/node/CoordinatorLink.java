package io.ashlar.node;

import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * Tells the coordinator that this node lives, what it found and did, and hears its orders: it
 * registers, then sends a heartbeat each interval and whenever there is news. One call is under way
 * at a time. Lives on the node's loop.
 */
final class CoordinatorLink {
    private static final Logger log = LoggerFactory.getLogger(CoordinatorLink.class);
    private static final long CALL_NANOS = Duration.ofSeconds(10).toNanos();

    private final Loop loop;
    private final CoordinatorCalls coordinator;
    private final Self self;
    private final Drives drives;
    private final DamageLog damage;
    private final RandomGenerator random;
    private final LongSupplier scrubbedBytes;
    private @Nullable OrderBook orders;
    private boolean registered;

    /** Of which a page is to be sent, or was sent and is not answered yet. */
    private @Nullable InventoryPages inventory;

    private boolean reachable = true;
    private boolean calling;
    private boolean news;
    private boolean stopped;
    private Loop.@Nullable Timer timer;

    CoordinatorLink(
            Loop loop,
            CoordinatorCalls coordinator,
            Self self,
            Drives drives,
            DamageLog damage,
            RandomGenerator random,
            LongSupplier scrubbedBytes) {
        this.loop = loop;
        this.coordinator = coordinator;
        this.self = self;
        this.drives = drives;
        this.damage = damage;
        this.random = random;
        this.scrubbedBytes = scrubbedBytes;
    }

    /** What a node says of itself. */
    record Self(
            String node, String address, String zone, Duration interval, int inventoryPageShards) {}

    /** Begins to talk, with these orders to be filled. */
    void start(OrderBook orders) {
        this.orders = orders;
        tell();
    }

    /** There is news, to be told at once. May be called from any thread. */
    void tellSoon() {
        loop.execute(() -> {
            news = true;
            if (!calling) {
                tell();
            }
        });
    }

    /** The inventory has changed beyond what a heartbeat tells. May be called from any thread. */
    void registerSoon() {
        loop.execute(() -> registered = false);
        tellSoon();
    }

    void stop() {
        loop.execute(() -> {
            stopped = true;
            if (timer != null) {
                timer.cancel();
            }
        });
    }

    private void tell() {
        if (stopped || calling || orders == null) {
            return;
        }
        if (timer != null) {
            timer.cancel();
        }
        calling = true;
        news = false;
        if (inventory != null) {
            register(inventory::page);
        } else if (registered) {
            beat(orders);
        } else {
            register(this::firstPage);
        }
    }

    /** Sends a page of the inventory; those behind it follow at once. */
    private void register(Supplier<RegisterNode> page) {
        call(
                () -> Request.newBuilder().setRegisterNode(page.get()).build(),
                _ -> {
                    news = true;
                    if (inventory == null || !inventory.next()) {
                        inventory = null;
                        log.info("node={} state=registered", self.node());
                    }
                },
                () -> {
                    inventory = null;
                    registered = false;
                });
    }

    /**
     * What is here now, so made anew for each attempt: an old one would deny shards that were
     * created since. Each is another request, as the coordinator heeds a repeated one only once.
     * Pages behind the first are repeated as they are, since all must be of one moment.
     */
    private RegisterNode firstPage() {
        registered = true; // a change meanwhile asks for another one
        RegisterNode head = RegisterNode.newBuilder()
                .setRequestId(random.nextLong())
                .setNode(self.node())
                .setAddress(self.address())
                .setZone(self.zone())
                .addAllDrives(drives.infos())
                .build();
        inventory = new InventoryPages(
                head, drives.shardStates(Id.getDefaultInstance()), self.inventoryPageShards());
        return inventory.page();
    }

    private void beat(OrderBook orders) {
        List<OrderResult> results = orders.results();
        List<ShardDamage> found = damage.take();
        Heartbeat heartbeat = Heartbeat.newBuilder()
                .setNode(self.node())
                .setAddress(self.address())
                .addAllDrives(drives.infos())
                .addAllResults(results)
                .addAllDamage(found)
                .setScrubbedBytes(scrubbedBytes.getAsLong())
                .build();
        call(
                () -> Request.newBuilder().setHeartbeat(heartbeat).build(),
                response -> {
                    HeartbeatReply reply = response.getHeartbeatReply();
                    orders.take(reply);
                    orders.told(results);
                    if (reply.getRegister()) {
                        registered = false;
                        news = true;
                    }
                },
                () -> damage.putBack(found));
    }

    private void call(Supplier<Request> request, Consumer<Response> answered, Runnable failed) {
        CompletableFuture<?> _ = coordinator
                .call(request, CALL_NANOS)
                .whenComplete((response, failure) -> {
                    calling = false;
                    if (failure == null) {
                        note(true, "");
                        answered.accept(response);
                    } else {
                        note(false, String.valueOf(failure.getMessage()));
                        failed.run();
                    }
                    if (failure == null && news) {
                        tell();
                    } else if (!stopped) {
                        timer = loop.schedule(self.interval().toNanos(), this::tell);
                    }
                });
    }

    private void note(boolean answers, String reason) {
        if (answers != reachable) {
            reachable = answers;
            log.info(
                    "node={} coordinator={} {}",
                    self.node(),
                    answers ? "reachable" : "unreachable",
                    reason);
        }
    }
}
