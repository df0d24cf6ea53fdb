package io.ashlar.ec;

import static io.ashlar.ec.GaloisField.multiply;

import java.util.function.IntBinaryOperator;

/** An immutable matrix over {@link GaloisField}. */
final class Matrix {
    private final int rows;
    private final int columns;
    private final byte[] elements;

    /** The matrix whose element in row r and column c is {@code element.applyAsInt(r, c)}. */
    Matrix(int rows, int columns, IntBinaryOperator element) {
        this.rows = rows;
        this.columns = columns;
        this.elements = new byte[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                elements[row * columns + column] = (byte) element.applyAsInt(row, column);
            }
        }
    }

    static Matrix identity(int size) {
        return new Matrix(size, size, (row, column) -> row == column ? 1 : 0);
    }

    /** Element (r, c) is r to the power of c: any {@code columns} rows are linearly independent. */
    static Matrix vandermonde(int rows, int columns) {
        return new Matrix(rows, columns, GaloisField::power);
    }

    int rows() {
        return rows;
    }

    int columns() {
        return columns;
    }

    int get(int row, int column) {
        return Byte.toUnsignedInt(elements[row * columns + column]);
    }

    /** The elements, row after row; the caller owns the array. */
    byte[] toBytes() {
        return elements.clone();
    }

    Matrix times(Matrix right) {
        return new Matrix(rows, right.columns, (row, column) -> {
            int sum = 0;
            for (int inner = 0; inner < columns; inner++) {
                sum ^= multiply(get(row, inner), right.get(inner, column));
            }
            return sum;
        });
    }

    /** The matrix of the given rows, in the given order. */
    Matrix selectRows(int... selected) {
        return new Matrix(selected.length, columns, (row, column) -> get(selected[row], column));
    }

    /** The matrix of {@code count} rows from {@code first} on. */
    Matrix rowRange(int first, int count) {
        return new Matrix(count, columns, (row, column) -> get(first + row, column));
    }

    /** The matrix of the first {@code count} columns. */
    Matrix firstColumns(int count) {
        return new Matrix(rows, count, this::get);
    }

    /** This matrix with the rows of {@code below}, which has as many columns, appended. */
    Matrix above(Matrix below) {
        return new Matrix(
                rows + below.rows,
                columns,
                (row, column) -> row < rows ? get(row, column) : below.get(row - rows, column));
    }

    /**
     * The inverse of this square matrix, by Gauss-Jordan elimination.
     *
     * @throws ArithmeticException when the rows are linearly dependent
     */
    Matrix invert() {
        int[][] left = toRows();
        int[][] right = identity(rows).toRows();
        for (int pivot = 0; pivot < rows; pivot++) {
            int row = rowWithElement(left, pivot);
            swap(left, row, pivot);
            swap(right, row, pivot);
            int scale = GaloisField.invert(left[pivot][pivot]);
            scale(left[pivot], scale);
            scale(right[pivot], scale);
            for (int other = 0; other < rows; other++) {
                if (other != pivot) {
                    int factor = left[other][pivot];
                    addScaled(left[other], left[pivot], factor);
                    addScaled(right[other], right[pivot], factor);
                }
            }
        }
        return new Matrix(rows, columns, (row, column) -> right[row][column]);
    }

    private int[][] toRows() {
        int[][] result = new int[rows][columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                result[row][column] = get(row, column);
            }
        }
        return result;
    }

    /** The first row, from {@code pivot} down, that has an element other than 0 in that column. */
    private static int rowWithElement(int[][] matrix, int pivot) {
        for (int row = pivot; row < matrix.length; row++) {
            if (matrix[row][pivot] != 0) {
                return row;
            }
        }
        throw new ArithmeticException("the matrix is singular");
    }

    private static void swap(int[][] matrix, int left, int right) {
        int[] row = matrix[left];
        matrix[left] = matrix[right];
        matrix[right] = row;
    }

    private static void scale(int[] row, int factor) {
        for (int column = 0; column < row.length; column++) {
            row[column] = multiply(row[column], factor);
        }
    }

    private static void addScaled(int[] row, int[] added, int factor) {
        for (int column = 0; column < row.length; column++) {
            row[column] ^= multiply(added[column], factor);
        }
    }
}
