package io.ashlar.ec;

/**
 * GF(2^8), the field in which cells are combined: addition is exclusive or, multiplication that of
 * polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1. Elements are ints from 0 to 255.
 *
 * <p>Used to build matrices and tables only; the kernels multiply cells with tables of their own.
 */
final class GaloisField {
    static final int ELEMENTS = 256;
    private static final int POLYNOMIAL = 0x11D;
    private static final int GENERATOR_ORDER = ELEMENTS - 1;

    /** Powers of the generator 2, twice over, so that the sum of two logarithms is an index. */
    private static final int[] POWERS = new int[2 * GENERATOR_ORDER];

    private static final int[] LOGARITHMS = new int[ELEMENTS];

    static {
        int power = 1;
        for (int exponent = 0; exponent < GENERATOR_ORDER; exponent++) {
            POWERS[exponent] = power;
            POWERS[exponent + GENERATOR_ORDER] = power;
            LOGARITHMS[power] = exponent;
            power <<= 1;
            if (power >= ELEMENTS) {
                power ^= POLYNOMIAL;
            }
        }
    }

    private GaloisField() {}

    static int multiply(int left, int right) {
        return left == 0 || right == 0 ? 0 : POWERS[LOGARITHMS[left] + LOGARITHMS[right]];
    }

    /** The inverse of an element other than 0. */
    static int invert(int element) {
        if (element == 0) {
            throw new ArithmeticException("0 has no inverse");
        }
        return POWERS[GENERATOR_ORDER - LOGARITHMS[element]];
    }

    /** {@code element} to the power of {@code exponent}, which is not negative; 0 to the 0 is 1. */
    static int power(int element, int exponent) {
        if (exponent == 0) {
            return 1;
        }
        return element == 0 ? 0 : POWERS[LOGARITHMS[element] * exponent % GENERATOR_ORDER];
    }
}
