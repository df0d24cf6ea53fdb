package io.ashlar.ec;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The decode matrices of a code, made when first needed; the least recently used make room. A
 * running cluster loses few cells at a time, so a few patterns recur.
 */
final class DecoderCache {
    /** At 32 bytes of tables per coefficient, 640 KiB for 10+4; a 4+2 has fewer patterns. */
    static final int MAX_DECODERS = 512;

    private final Matrix generator;
    private final Kernel kernel;
    private final Map<Pattern, MatrixProduct> decoders = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Pattern, MatrixProduct> eldest) {
            return size() > MAX_DECODERS;
        }
    };

    /** The cache for a code whose generator's row r gives the cell of role r from the data cells. */
    DecoderCache(Matrix generator, Kernel kernel) {
        this.generator = generator;
        this.kernel = kernel;
    }

    /** What gives the {@code wanted} cells from the {@code sources}, as many as data cells. */
    synchronized MatrixProduct get(long sources, long wanted) {
        return decoders.computeIfAbsent(new Pattern(sources, wanted), this::prepare);
    }

    synchronized int size() {
        return decoders.size();
    }

    private MatrixProduct prepare(Pattern pattern) {
        Matrix dataFromSources = generator.selectRows(roles(pattern.sources)).invert();
        return kernel.prepare(generator.selectRows(roles(pattern.wanted)).times(dataFromSources));
    }

    private static int[] roles(long set) {
        int[] roles = new int[Long.bitCount(set)];
        long rest = set;
        for (int index = 0; index < roles.length; index++) {
            roles[index] = Long.numberOfTrailingZeros(rest);
            rest &= rest - 1;
        }
        return roles;
    }

    private record Pattern(long sources, long wanted) {}
}
