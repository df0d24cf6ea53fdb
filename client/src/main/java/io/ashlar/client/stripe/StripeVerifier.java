package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.ReedSolomon;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Proves a stripe: every participant holds its cell of this very stripe, every piece matches the
 * vector, and the parity cells are what the data cells encode to. On demand also that every choice
 * of d cells decodes to all others. Reading runs on the cluster's loop, checking where {@link
 * Cells#check} is called.
 */
public final class StripeVerifier {
    private final StripeReader reader;

    public StripeVerifier(StripeReader reader) {
        this.reader = reader;
    }

    /** What was found of one stripe. */
    public record Finding(int rightCells, int damagedCells, long patterns, List<String> problems) {}

    /** Reads every cell of a stripe from its node; to be called on the loop. */
    public CompletableFuture<Cells> read(StripeRef stripe) {
        int participants = stripe.geometry().participants();
        Cells cells = new Cells(stripe);
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < participants; i++) {
            int participant = i;
            reads.add(reader.heldCell(stripe, participant).handle((held, failure) -> {
                if (failure == null) {
                    cells.held[participant] = held;
                } else {
                    cells.problems.add("participant " + participant + " of " + stripe + " on "
                            + stripe.shardOfParticipant(participant).node() + ": "
                            + AshlarException.in(failure).getMessage());
                }
                return null;
            }));
        }
        return CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new))
                .thenApply(ignored -> cells);
    }

    /** The cells of a stripe that could be read; each matches its own header's vector. */
    public static final class Cells {
        private final StripeRef ref;
        private final StripeReader.@Nullable Held[] held;
        private final List<String> problems = new ArrayList<>();

        private Cells(StripeRef ref) {
            this.ref = ref;
            this.held = new StripeReader.@Nullable Held[ref.geometry().participants()];
        }

        /** Checks them against each other, and gives them back. */
        public Finding check(boolean everyPattern) {
            try {
                return examine(everyPattern);
            } finally {
                for (StripeReader.Held one : held) {
                    if (one != null) {
                        one.record().release();
                    }
                }
            }
        }

        private Finding examine(boolean everyPattern) {
            Stripe stripe = null;
            long present = 0;
            for (int i = 0; i < held.length; i++) {
                StripeReader.Held one = held[i];
                if (one == null) {
                    continue;
                }
                stripe = stripe == null ? one.stripe() : stripe;
                if (stripe.sameAs(one.stripe())) {
                    present |= 1L << i;
                } else {
                    problems.add("participant " + i + " of " + ref + " is of another generation");
                }
            }
            int right = Long.bitCount(present);
            long patterns = 0;
            if (right == held.length && ref.geometry().cellBytes() > 0) {
                checkParity();
                patterns = everyPattern ? checkEveryPattern() : 0;
            }
            return new Finding(right, held.length - right, patterns, List.copyOf(problems));
        }

        private MemorySegment cell(int participant) {
            StripeReader.Held one = held[participant];
            if (one == null) {
                throw new IllegalStateException("participant " + participant + " was not read");
            }
            return one.record().segment().asSlice(one.headerBytes());
        }

        private ReedSolomon code() {
            return ref.segment().code().shortened(ref.geometry().d());
        }

        private void checkParity() {
            int d = ref.geometry().d();
            long all = (1L << d) - 1;
            compareRebuilt(all, "the parity of " + ref + " is not what its data encode to");
        }

        private long checkEveryPattern() {
            int d = ref.geometry().d();
            long patterns = 0;
            for (long chosen = 0; chosen < 1L << held.length; chosen++) {
                if (Long.bitCount(chosen) == d) {
                    patterns++;
                    compareRebuilt(
                            chosen,
                            ref + " decodes to other bytes from participants "
                                    + Long.toBinaryString(chosen));
                }
            }
            return patterns;
        }

        private void compareRebuilt(long present, String problem) {
            int cellBytes = ref.geometry().cellBytes();
            @Nullable MemorySegment[] cells = new @Nullable MemorySegment[held.length];
            List<Buffer> rebuilt = new ArrayList<>();
            long wanted = 0;
            for (int i = 0; i < held.length; i++) {
                if ((present & 1L << i) != 0) {
                    cells[i] = cell(i);
                } else {
                    Buffer target = Buffer.allocate(cellBytes);
                    rebuilt.add(target);
                    cells[i] = target.segment();
                    wanted |= 1L << i;
                }
            }
            code().reconstruct(cells, present, wanted, 0, cellBytes);
            for (int i = 0; i < held.length; i++) {
                MemorySegment one = cells[i];
                if ((wanted & 1L << i) != 0 && one != null && one.mismatch(cell(i)) != -1) {
                    problems.add(problem);
                }
            }
            rebuilt.forEach(Buffer::release);
        }
    }
}
