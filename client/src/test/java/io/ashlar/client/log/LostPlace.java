package io.ashlar.client.log;

import java.util.List;

/** What a lost range comes to, whatever is said of it. */
record LostPlace(long offset, long lengthBytes, long stripes) {

    /** Verdicts, with lost ranges as such places. */
    static List<Object> in(TailDecision.Tail tail) {
        return tail.verdicts().stream()
                .map(verdict -> verdict instanceof TailDecision.Verdict.LostRange range
                        ? new LostPlace(range.offset(), range.lengthBytes(), range.stripes())
                        : verdict)
                .toList();
    }
}
