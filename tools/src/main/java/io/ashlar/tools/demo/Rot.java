package io.ashlar.tools.demo;

import io.ashlar.client.format.CellFormat.Cell;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.tools.drive.RecordScan;
import io.ashlar.tools.drive.RecordScan.Found;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Does to the drives of running nodes what drives do to people. Counts the cells it damages; those
 * of shards that were deleted or have moved away lie on the drive too and are no damage.
 */
final class Rot {
    /** Of the cells that stay within the file, every so many-th is damaged. */
    private static final int EVERY = 4;

    private final Random random;
    private final String node;
    private final Map<ShardName, Long> liveBytes = new HashMap<>();

    /** Of the drive of a node, while these are all the segments there are, each sealed. */
    Rot(long seed, String node, List<Segment> segments) {
        this.random = new Random(seed);
        this.node = node;
        for (Segment segment : segments) {
            for (Placement placement : segment.getPlacementsList()) {
                if (placement.getNode().equals(node)) {
                    SegmentId id = SegmentId.of(segment.getId());
                    liveBytes.put(
                            new ShardName(id, placement.getShard().getIndex()),
                            segment.getSealedBytes());
                }
            }
        }
    }

    private record ShardName(SegmentId segment, int index) {}

    /** What was done to one drive, in cells. */
    record Damage(int flipped, int truncated) {
        int cells() {
            return flipped + truncated;
        }
    }

    /** Flips one bit in some cells, and cuts the file off so that its last quarter is gone. */
    Damage flipAndTruncate(Path drive) throws IOException {
        Path file = largestFile(drive);
        List<Found> records = records(file);
        int kept = records.size() * 3 / 4;
        int flipped = 0;
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            for (int i = 0; i < kept; i += EVERY) {
                flipBit(channel, records.get(i));
                flipped++;
            }
            channel.truncate(records.get(kept).offset());
            channel.force(true);
        }
        return new Damage(flipped, records.size() - kept);
    }

    private void flipBit(FileChannel channel, Found record) throws IOException {
        int length = Math.max(1, record.sizes().cellBytes());
        long at = record.offset() + record.sizes().headerBytes() + random.nextInt(length);
        ByteBuffer one = ByteBuffer.allocate(1);
        int _ = channel.read(one, at);
        byte flipped = (byte) (one.get(0) ^ (1 << random.nextInt(8)));
        int _ = channel.write(one.clear().put(0, flipped), at);
    }

    /** Deletes the file that holds the drive's shards, under the node that serves it; their cells. */
    int delete(Path drive) throws IOException {
        Path file = largestFile(drive);
        int cells = records(file).size();
        Files.delete(file);
        return cells;
    }

    /** Records of live shards that are whole and right. */
    private List<Found> records(Path file) throws IOException {
        List<Found> records = new ArrayList<>();
        RecordScan.scan(file, found -> {
            Cell cell = found.cell();
            if (cell != null && found.badPieces() == 0 && isLive(cell)) {
                records.add(found);
            }
        });
        if (records.size() < 2 * EVERY) {
            throw new DemoFailed("only " + records.size() + " cells are on the drive of " + node);
        }
        return records;
    }

    private boolean isLive(Cell cell) {
        Stripe.Identity stripe = cell.stripe().identity();
        int shard = Stripe.shardOf(
                cell.role(), stripe.number(), cell.stripe().geometry().policy());
        return stripe.offset() < liveBytes.getOrDefault(new ShardName(stripe.segment(), shard), 0L);
    }

    private static Path largestFile(Path drive) throws IOException {
        try (Stream<Path> files = Files.list(drive)) {
            return files.filter(Files::isRegularFile)
                    .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow(() -> new DemoFailed("no file on drive " + drive));
        }
    }
}
