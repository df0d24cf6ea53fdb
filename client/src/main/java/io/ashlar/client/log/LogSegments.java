package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The segments of a volume's log that there are, in log order. Lives on the volume's loop. */
final class LogSegments {
    private final Map<SegmentId, LogSegment> segments = new LinkedHashMap<>();
    private final ShardPlaces places;

    /**
     * @param places of their shards, and of those that are added
     */
    LogSegments(List<LogSegment> inLogOrder, ShardPlaces places) {
        this.places = places;
        inLogOrder.forEach(this::add);
    }

    ShardPlaces places() {
        return places;
    }

    void add(LogSegment segment) {
        segments.put(segment.id(), segment);
    }

    void remove(SegmentId id) {
        segments.remove(id);
    }

    LogSegment get(SegmentId id) throws AshlarException {
        LogSegment segment = segments.get(id);
        if (segment == null) {
            throw new AshlarException.Corrupt(
                    "the volume's map refers to segment " + id + ", which does not exist");
        }
        return segment;
    }

    Collection<LogSegment> inLogOrder() {
        return segments.values();
    }
}
