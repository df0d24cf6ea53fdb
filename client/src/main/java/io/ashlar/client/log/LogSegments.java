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

    LogSegments(List<LogSegment> inLogOrder) {
        inLogOrder.forEach(this::add);
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
