package io.ashlar.node;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Authority;

import java.lang.foreign.MemorySegment;

/**
 * The body of the drive state page. Little-endian, covered by the page's CRC.
 *
 * <pre>
 * offset  size  field
 *     64     1  1 while the drive is served: found at start, it was not stopped cleanly
 *     65     7  zero
 *     72     8  highest authority obeyed: generation of the metadata
 *     80     8  highest authority obeyed: term of the leader
 *     88     8  highest authority obeyed: applied index
 *     96    16  drive that was lost here and whose place this one took, or zero
 *    112  3984  zero
 * </pre>
 */
final class DriveStateFormat {
    private DriveStateFormat() {}

    /** What a drive remembers of itself. */
    record DriveState(boolean serving, Authority authority, DriveId replaces) {

        DriveState whileServing(boolean serving) {
            return new DriveState(serving, authority, replaces);
        }

        DriveState under(Authority authority) {
            return new DriveState(serving, authority, replaces);
        }
    }

    static void write(DriveState state, MemorySegment page) {
        page.set(Little.BYTE, 64, (byte) (state.serving() ? 1 : 0));
        page.set(Little.LONG, 72, state.authority().getGeneration());
        page.set(Little.LONG, 80, state.authority().getTerm());
        page.set(Little.LONG, 88, state.authority().getAppliedIndex());
        page.set(Little.LONG, 96, state.replaces().high());
        page.set(Little.LONG, 104, state.replaces().low());
    }

    static DriveState read(MemorySegment page) {
        Authority authority = Authority.newBuilder()
                .setGeneration(page.get(Little.LONG, 72))
                .setTerm(page.get(Little.LONG, 80))
                .setAppliedIndex(page.get(Little.LONG, 88))
                .build();
        var replaces = new DriveId(page.get(Little.LONG, 96), page.get(Little.LONG, 104));
        return new DriveState(page.get(Little.BYTE, 64) != 0, authority, replaces);
    }
}
