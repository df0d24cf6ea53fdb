package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The settings of one coordinator process.
 *
 * @param id its name among the coordinators
 * @param listen where it serves
 * @param advertised where others reach it; port 0: the one it listens on
 * @param directory of its log and metadata
 * @param raft where it listens for the other coordinators
 * @param peers every coordinator of the cluster, this one among them, by id
 * @param raftRpc the transport of Raft: {@code netty} or {@code grpc}
 * @param pageSegments segments in one answer at most; whoever wants more goes on behind the last
 */
public record CoordinatorConfig(
        String id,
        Address listen,
        Address advertised,
        Path directory,
        Address raft,
        SortedMap<String, Peer> peers,
        String raftRpc,
        Timings timings,
        RepairLimits repair,
        int pageSegments) {

    /** Of the longest names and widest policies this many fit a frame of 16 MiB. */
    public static final int MAX_PAGE_SEGMENTS = 500;

    private static final Pattern DURATION = Pattern.compile("(\\d+)(ms|s|m|h)");

    public CoordinatorConfig {
        peers = Collections.unmodifiableSortedMap(new TreeMap<>(peers));
        if (pageSegments < 1 || pageSegments > MAX_PAGE_SEGMENTS) {
            throw new IllegalArgumentException(
                    "page.segments is " + pageSegments + ", expected 1 to " + MAX_PAGE_SEGMENTS);
        }
        if (!peers.containsKey(id)) {
            throw new IllegalArgumentException("coordinator " + id + " is not among its peers");
        }
    }

    /**
     * A coordinator as the others know it.
     *
     * @param raft where it listens for them
     * @param advertised where clients and nodes reach it
     */
    public record Peer(Address raft, Address advertised) {}

    /**
     * How long things may take.
     *
     * @param suspectAfter silence after which nothing new is placed on a node
     * @param downAfter silence after which its shards do not count
     * @param rebuildDelay how long its shards are awaited before they are rebuilt elsewhere
     * @param lease of a volume's holder
     * @param tick between looks at what has to be done
     * @param election least time without a leader before another coordinator stands
     * @param flapWindow in which a node's falls are counted
     * @param maxFalls in the window before it is quarantined
     * @param quarantine how long then
     */
    public record Timings(
            Duration suspectAfter,
            Duration downAfter,
            Duration rebuildDelay,
            Duration lease,
            Duration tick,
            Duration election,
            Duration flapWindow,
            int maxFalls,
            Duration quarantine) {

        public static Timings standard() {
            return new Timings(
                    Duration.ofSeconds(2),
                    Duration.ofSeconds(4),
                    Duration.ofMinutes(10),
                    Duration.ofSeconds(5),
                    Duration.ofMillis(250),
                    Duration.ofMillis(500),
                    Duration.ofMinutes(10),
                    20,
                    Duration.ofMinutes(1));
        }

        public Timings {
            if (suspectAfter.compareTo(downAfter) > 0) {
                throw new IllegalArgumentException("a node cannot be down (" + downAfter
                        + ") before it is suspect (" + suspectAfter + ")");
            }
            for (Duration duration :
                    new Duration[] {suspectAfter, lease, tick, election, flapWindow, quarantine}) {
                if (duration.isZero()) {
                    throw new IllegalArgumentException("a time of zero: " + duration);
                }
            }
        }

        public Timings withRebuildDelay(Duration delay) {
            return new Timings(
                    suspectAfter,
                    downAfter,
                    delay,
                    lease,
                    tick,
                    election,
                    flapWindow,
                    maxFalls,
                    quarantine);
        }
    }

    /**
     * What bounds repair.
     *
     * @param maxRunning repairs at a time
     * @param maxRunningPerNode repairs that one node carries out at a time
     * @param maxAttempts in vain before a segment is reported as failed; it is tried on, slowly
     * @param timeout of one repair
     * @param backoff before a segment is tried again; doubled each time
     * @param maxBackoff at most
     */
    public record RepairLimits(
            int maxRunning,
            int maxRunningPerNode,
            int maxAttempts,
            Duration timeout,
            Duration backoff,
            Duration maxBackoff) {

        public static RepairLimits standard() {
            return new RepairLimits(
                    32, 4, 5, Duration.ofMinutes(10), Duration.ofSeconds(1), Duration.ofMinutes(1));
        }

        public RepairLimits {
            if (maxRunning < 1 || maxRunningPerNode < 1 || maxAttempts < 1) {
                throw new IllegalArgumentException("repair needs bounds of at least 1");
            }
        }
    }

    /** One coordinator alone, with standard timings. */
    public static CoordinatorConfig alone(String id, Address listen, Path directory) {
        Address raft = new Address(listen.host(), 0);
        SortedMap<String, Peer> peers = new TreeMap<>();
        peers.put(id, new Peer(raft, listen));
        return new CoordinatorConfig(
                id,
                listen,
                listen,
                directory,
                raft,
                peers,
                "netty",
                Timings.standard(),
                RepairLimits.standard(),
                MAX_PAGE_SEGMENTS);
    }

    /** The same with other timings. */
    public CoordinatorConfig with(Timings other) {
        return new CoordinatorConfig(
                id,
                listen,
                advertised,
                directory,
                raft,
                peers,
                raftRpc,
                other,
                repair,
                pageSegments);
    }

    /** The same among others. */
    public CoordinatorConfig with(SortedMap<String, Peer> others) {
        return new CoordinatorConfig(
                id,
                listen,
                advertised,
                directory,
                raft,
                others,
                raftRpc,
                timings,
                repair,
                pageSegments);
    }

    /** The same with other pages. */
    public CoordinatorConfig withPageSegments(int other) {
        return new CoordinatorConfig(
                id, listen, advertised, directory, raft, peers, raftRpc, timings, repair, other);
    }

    /**
     * Reads a file of {@code key = value} lines:
     *
     * <pre>
     * id             = c1
     * listen         = 127.0.0.1:7400
     * advertised     = 10.0.0.1:7400            default: listen
     * directory      = /var/lib/ashlar/c1
     * raft           = 10.0.0.1:7500            default: any port, which is enough for one alone
     * peers          = c1@10.0.0.1:7500@10.0.0.1:7400,...   ID@RAFT@ADVERTISED; default: itself
     * raft.rpc       = netty                    or grpc
     * suspect.after  = 2s                       times take ms, s, m, h
     * down.after     = 4s
     * rebuild.delay  = 10m
     * lease          = 5s
     * tick           = 250ms
     * election       = 500ms
     * flap.window    = 10m
     * flap.max       = 20
     * quarantine     = 1m
     * repair.max     = 32
     * repair.node    = 4
     * repair.tries   = 5
     * repair.timeout = 10m
     * repair.backoff = 1s
     * repair.backoff.max = 1m
     * page.segments  = 500                      in one answer, 1 to 500
     * </pre>
     */
    public static CoordinatorConfig load(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        }
        try {
            return read(new Settings(file, properties));
        } catch (IllegalArgumentException e) {
            throw new AshlarException.Invalid(file + ": " + e.getMessage());
        }
    }

    private static CoordinatorConfig read(Settings settings) throws AshlarException.Invalid {
        String id = settings.required("id");
        Address listen = Address.parse(settings.required("listen"));
        Address advertised = Address.parse(settings.text("advertised", listen.toString()));
        Address raft =
                Address.parse(settings.text("raft", new Address(listen.host(), 0).toString()));
        String peers = settings.text("peers", id + "@" + raft + "@" + advertised);
        Timings times = Timings.standard();
        RepairLimits limits = RepairLimits.standard();
        String rpc = settings.text("raft.rpc", "netty").toLowerCase(Locale.ROOT);
        if (!rpc.equals("netty") && !rpc.equals("grpc")) {
            throw settings.invalid("raft.rpc", rpc, "netty or grpc");
        }
        CoordinatorConfig config = new CoordinatorConfig(
                id,
                listen,
                advertised,
                Path.of(settings.required("directory")),
                raft,
                parsePeers(settings, peers),
                rpc,
                new Timings(
                        settings.duration("suspect.after", times.suspectAfter()),
                        settings.duration("down.after", times.downAfter()),
                        settings.duration("rebuild.delay", times.rebuildDelay()),
                        settings.duration("lease", times.lease()),
                        settings.duration("tick", times.tick()),
                        settings.duration("election", times.election()),
                        settings.duration("flap.window", times.flapWindow()),
                        settings.count("flap.max", times.maxFalls()),
                        settings.duration("quarantine", times.quarantine())),
                new RepairLimits(
                        settings.count("repair.max", limits.maxRunning()),
                        settings.count("repair.node", limits.maxRunningPerNode()),
                        settings.count("repair.tries", limits.maxAttempts()),
                        settings.duration("repair.timeout", limits.timeout()),
                        settings.duration("repair.backoff", limits.backoff()),
                        settings.duration("repair.backoff.max", limits.maxBackoff())),
                settings.count("page.segments", MAX_PAGE_SEGMENTS));
        settings.refuseUnknown();
        return config;
    }

    private static SortedMap<String, Peer> parsePeers(Settings settings, String text)
            throws AshlarException.Invalid {
        SortedMap<String, Peer> peers = new TreeMap<>();
        for (String one : Arrays.stream(text.split(",", -1)).map(String::strip).toList()) {
            String[] parts = one.split("@", -1);
            if (parts.length != 3 || parts[0].isEmpty()) {
                throw settings.invalid("peers", one, "ID@RAFT-HOST:PORT@ADVERTISED-HOST:PORT");
            }
            peers.put(parts[0], new Peer(Address.parse(parts[1]), Address.parse(parts[2])));
        }
        return peers;
    }

    /** The lines of the file that have been asked for, and those that have not. */
    private static final class Settings {
        private final Path file;
        private final Properties properties;
        private final Set<String> asked = new HashSet<>();

        Settings(Path file, Properties properties) {
            this.file = file;
            this.properties = properties;
        }

        String required(String key) throws AshlarException.Invalid {
            String value = text(key, "");
            if (value.isEmpty()) {
                throw new AshlarException.Invalid(file + ": \"" + key + "\" is missing");
            }
            return value;
        }

        String text(String key, String otherwise) {
            asked.add(key);
            return properties.getProperty(key, otherwise).strip();
        }

        int count(String key, int otherwise) throws AshlarException.Invalid {
            String value = text(key, String.valueOf(otherwise));
            try {
                return Integer.parseUnsignedInt(value);
            } catch (NumberFormatException e) {
                throw invalid(key, value, "a whole number");
            }
        }

        Duration duration(String key, Duration otherwise) throws AshlarException.Invalid {
            String value = text(key, otherwise.toMillis() + "ms");
            Matcher matcher = DURATION.matcher(value);
            if (!matcher.matches()) {
                throw invalid(key, value, "a time such as 500ms, 4s, 10m or 1h");
            }
            long number = Long.parseLong(matcher.group(1));
            return switch (matcher.group(2)) {
                case "ms" -> Duration.ofMillis(number);
                case "s" -> Duration.ofSeconds(number);
                case "m" -> Duration.ofMinutes(number);
                default -> Duration.ofHours(number);
            };
        }

        void refuseUnknown() throws AshlarException.Invalid {
            for (String key : new TreeMap<>(properties)
                    .keySet().stream().map(String::valueOf).toList()) {
                if (!asked.contains(key)) {
                    throw new AshlarException.Invalid(file + ": unknown key \"" + key
                            + "\"; known are " + new java.util.TreeSet<>(asked));
                }
            }
        }

        AshlarException.Invalid invalid(String key, String value, String expected) {
            return new AshlarException.Invalid(
                    file + ": \"" + key + " = " + value + "\": expected " + expected);
        }
    }
}
