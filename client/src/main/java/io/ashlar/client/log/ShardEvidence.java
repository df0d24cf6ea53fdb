package io.ashlar.client.log;

import io.ashlar.client.format.CellFormat;

import java.util.List;
import java.util.Map;

/** What one shard of an open segment says of the records in it, under the fence. */
sealed interface ShardEvidence {

    /**
     * The node answered, from the right drive, after the shard was scanned and synced.
     *
     * @param cells valid cells by offset
     * @param unknown places that are neither a valid record nor a truthful negative (INV-6)
     */
    record Answered(Map<Long, CellFormat.Cell> cells, List<Span> unknown) implements ShardEvidence {

        boolean isUnknown(long offset) {
            return unknown.stream().anyMatch(span -> span.contains(offset));
        }
    }

    /** It answered that the shard is not there any more: nothing will be learnt from it. */
    record Gone(String reason) implements ShardEvidence {}

    /** It did not answer: it may come back and know. */
    record Unreachable(String reason) implements ShardEvidence {}

    /** A range of a shard's record space. */
    record Span(long offset, long lengthBytes) {
        boolean contains(long place) {
            return place >= offset && place < offset + lengthBytes;
        }
    }
}
