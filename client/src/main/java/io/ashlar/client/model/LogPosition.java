package io.ashlar.client.model;

/**
 * A place between two stripes of a volume's log: so many stripes, and bytes, of this segment lie
 * before it.
 */
public record LogPosition(SegmentId segment, long stripes, long bytes) {
    public static final LogPosition START = new LogPosition(SegmentId.NONE, 0, 0);
}
