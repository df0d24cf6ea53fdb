package io.ashlar.client.model;

import io.ashlar.client.protocol.Position;

/**
 * A place between two stripes of a volume's log: so many stripes, and bytes, of this segment lie
 * before it.
 */
public record LogPosition(SegmentId segment, long stripes, long bytes) {
    public static final LogPosition START = new LogPosition(SegmentId.NONE, 0, 0);

    public static LogPosition of(Position position) {
        return position.hasSegment()
                ? new LogPosition(
                        SegmentId.of(position.getSegment()),
                        position.getStripes(),
                        position.getBytes())
                : START;
    }

    public Position toProto() {
        return equals(START)
                ? Position.getDefaultInstance()
                : Position.newBuilder()
                        .setSegment(segment.toProto())
                        .setStripes(stripes)
                        .setBytes(bytes)
                        .build();
    }
}
