package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How a storage node is set up. As a file: {@code key = value} lines, as {@link Properties} reads
 * them.
 *
 * <pre>
 * node                   its id within the cluster, for ever
 * listen                 HOST:PORT to serve on
 * advertise              HOST:PORT that others reach it by; default: listen
 * zone                   failure domain above the node; default: empty, none
 * coordinators           HOST:PORT[,HOST:PORT...]
 * drive.N.directory      of the drives, N from 1
 * drive.N.capacity       of each, with K, M, G or T; it is formatted to this size
 * readers-per-drive      threads; default 4
 * heartbeat-millis       default 1000
 * scrub-bytes-per-second with K, M, G or T; default 64M
 * rebuilds-at-once       default 2
 * inventory-page-shards  told the coordinator at a time; default 10000, 1 to 50000
 * </pre>
 */
public record StorageNodeConfig(
        String node,
        Address listen,
        Address advertise,
        String zone,
        List<Address> coordinators,
        List<DriveConfig> drives,
        int readersPerDrive,
        Duration heartbeatInterval,
        long scrubBytesPerSecond,
        int rebuildsAtOnce,
        int inventoryPageShards) {
    public static final int DEFAULT_READERS_PER_DRIVE = 4;
    public static final Duration DEFAULT_HEARTBEAT_INTERVAL = Duration.ofSeconds(1);
    public static final long DEFAULT_SCRUB_BYTES_PER_SECOND = 64L << 20;
    public static final int DEFAULT_REBUILDS_AT_ONCE = 2;

    public static final int DEFAULT_INVENTORY_PAGE_SHARDS = 10_000;

    private static final int MAX_DRIVES = 64;

    /** So many fit a frame of 16 MiB. */
    private static final int MAX_INVENTORY_PAGE_SHARDS = 50_000;

    /** A drive directory and the size it is formatted to. */
    public record DriveConfig(String directory, long capacityBytes) {}

    public StorageNodeConfig {
        drives = List.copyOf(drives);
        coordinators = List.copyOf(coordinators);
    }

    /** With the defaults for all that has one. */
    public static StorageNodeConfig of(
            String node,
            Address listen,
            String zone,
            List<Address> coordinators,
            List<DriveConfig> drives) {
        return new StorageNodeConfig(
                node,
                listen,
                listen,
                zone,
                coordinators,
                drives,
                DEFAULT_READERS_PER_DRIVE,
                DEFAULT_HEARTBEAT_INTERVAL,
                DEFAULT_SCRUB_BYTES_PER_SECOND,
                DEFAULT_REBUILDS_AT_ONCE,
                DEFAULT_INVENTORY_PAGE_SHARDS);
    }

    /** The same with other pages. */
    public StorageNodeConfig withInventoryPageShards(int other) {
        return new StorageNodeConfig(
                node,
                listen,
                advertise,
                zone,
                coordinators,
                drives,
                readersPerDrive,
                heartbeatInterval,
                scrubBytesPerSecond,
                rebuildsAtOnce,
                other);
    }

    /** Reads a file; invalid, naming the key, where it is not as it should be. */
    public static StorageNodeConfig load(Path file) throws AshlarException, IOException {
        return parse(Files.readString(file), file.toString());
    }

    /** Reads the text of such a file, whose name is for errors. */
    public static StorageNodeConfig parse(String text, String name) throws AshlarException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(text));
        } catch (IOException | IllegalArgumentException e) {
            throw new AshlarException.Invalid(name + ": " + e.getMessage());
        }
        return new Reader(properties, name).read();
    }

    /** The text that {@link #load} reads as this. */
    public String text() {
        StringBuilder text = new StringBuilder();
        line(text, "node", node);
        line(text, "listen", listen);
        line(text, "advertise", advertise);
        line(text, "zone", zone);
        line(
                text,
                "coordinators",
                coordinators.stream().map(Address::toString).collect(Collectors.joining(",")));
        for (int i = 0; i < drives.size(); i++) {
            String prefix = "drive." + (i + 1) + ".";
            line(text, prefix + "directory", drives.get(i).directory().replace("\\", "\\\\"));
            line(text, prefix + "capacity", drives.get(i).capacityBytes());
        }
        line(text, "readers-per-drive", readersPerDrive);
        line(text, "heartbeat-millis", heartbeatInterval.toMillis());
        line(text, "scrub-bytes-per-second", scrubBytesPerSecond);
        line(text, "rebuilds-at-once", rebuildsAtOnce);
        line(text, "inventory-page-shards", inventoryPageShards);
        return text.toString();
    }

    private static void line(StringBuilder text, String key, Object value) {
        text.append(key).append(" = ").append(value).append('\n');
    }

    /** Takes the keys one by one; what is left at the end is unknown. */
    private static final class Reader {
        private final Properties properties;
        private final String name;
        private final Set<String> left;

        Reader(Properties properties, String name) {
            this.properties = properties;
            this.name = name;
            this.left = new HashSet<>(properties.stringPropertyNames());
        }

        StorageNodeConfig read() throws AshlarException {
            String node = required("node");
            Address listen = Address.parse(required("listen"));
            String advertise = value("advertise");
            String zone = value("zone");
            List<Address> coordinators = Address.parseList(required("coordinators"));
            List<DriveConfig> drives = drives();
            var config = new StorageNodeConfig(
                    node,
                    listen,
                    advertise == null ? listen : Address.parse(advertise),
                    zone == null ? "" : zone,
                    coordinators,
                    drives,
                    (int) number("readers-per-drive", DEFAULT_READERS_PER_DRIVE, 64),
                    Duration.ofMillis(number(
                            "heartbeat-millis", DEFAULT_HEARTBEAT_INTERVAL.toMillis(), 60_000)),
                    number(
                            "scrub-bytes-per-second",
                            DEFAULT_SCRUB_BYTES_PER_SECOND,
                            Long.MAX_VALUE),
                    (int) number("rebuilds-at-once", DEFAULT_REBUILDS_AT_ONCE, 64),
                    (int) number(
                            "inventory-page-shards",
                            DEFAULT_INVENTORY_PAGE_SHARDS,
                            MAX_INVENTORY_PAGE_SHARDS));
            if (!left.isEmpty()) {
                throw invalid("unknown key " + left.iterator().next());
            }
            return config;
        }

        private List<DriveConfig> drives() throws AshlarException {
            List<DriveConfig> drives = new ArrayList<>();
            for (int i = 1; i <= MAX_DRIVES; i++) {
                String directory = value("drive." + i + ".directory");
                if (directory == null) {
                    break;
                }
                String capacity = required("drive." + i + ".capacity");
                drives.add(new DriveConfig(directory, size("drive." + i + ".capacity", capacity)));
            }
            if (drives.isEmpty()) {
                throw invalid("drive.1.directory is missing");
            }
            return drives;
        }

        private long number(String key, long fallback, long max) throws AshlarException {
            String text = value(key);
            long number = text == null ? fallback : size(key, text);
            if (number < 1 || number > max) {
                throw invalid(key + " is " + number + ", expected 1 to " + max);
            }
            return number;
        }

        private long size(String key, String text) throws AshlarException {
            int unit = text.isEmpty() ? -1 : "KMGT".indexOf(text.charAt(text.length() - 1));
            String digits = unit < 0 ? text : text.substring(0, text.length() - 1);
            try {
                return Math.multiplyExact(Long.parseLong(digits.strip()), 1L << (10 * (unit + 1)));
            } catch (ArithmeticException | NumberFormatException e) {
                throw invalid(key + " is \"" + text + "\", expected a number, with K, M, G or T");
            }
        }

        private String required(String key) throws AshlarException {
            String value = value(key);
            if (value == null || value.isEmpty()) {
                throw invalid(key + " is missing");
            }
            return value;
        }

        private @Nullable String value(String key) {
            left.remove(key);
            String value = properties.getProperty(key);
            return value == null ? null : value.strip();
        }

        private AshlarException invalid(String what) {
            return new AshlarException.Invalid(name + ": " + what);
        }
    }
}
