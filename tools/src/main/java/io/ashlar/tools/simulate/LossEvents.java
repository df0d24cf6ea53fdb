package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.Event;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the coordinators' events say is lost of a volume. */
final class LossEvents {
    private static final int MAX_EVENTS = 10_000;
    private static final Pattern LOSS = Pattern.compile(
            "data loss: .*stripe \\d+.* of segment [0-9a-f]{32}, at \\d+ to \\d+ of its shards,"
                    + " cannot be decoded: .*");
    private static final Pattern BLOCKS =
            Pattern.compile(".*; blocks ([0-9, to]+)( and \\d+ others)? read as errors .*");

    private final List<String> losses;

    private LossEvents(List<String> losses) {
        this.losses = losses;
    }

    static LossEvents of(World world, VolumeUse volume) {
        return new LossEvents(world.metadata().events(0, MAX_EVENTS).stream()
                .filter(event -> event.getSubject().equals("volume " + volume.name()))
                .map(Event::getText)
                .filter(text -> LOSS.matcher(text).matches())
                .toList());
    }

    /** Whether one says that a block is lost, or that any may be. */
    boolean tell(int block) {
        return losses.stream().anyMatch(text -> tells(text, block));
    }

    private static boolean tells(String text, int block) {
        if (text.contains("all blocks of the volume")) {
            return true;
        }
        Matcher blocks = BLOCKS.matcher(text);
        if (!blocks.matches()) {
            return false;
        }
        return blocks.group(2) != null || names(blocks.group(1), block);
    }

    private static boolean names(String ranges, int block) {
        for (String range : ranges.split(", ", -1)) {
            String[] ends = range.split(" to ", -1);
            if (block >= Integer.parseInt(ends[0])
                    && block <= Integer.parseInt(ends[ends.length - 1])) {
                return true;
            }
        }
        return false;
    }
}
