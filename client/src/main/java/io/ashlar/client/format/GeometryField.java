package io.ashlar.client.format;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;

import java.nio.ByteBuffer;

/** A stripe's geometry in 12 bytes: k 1, m 1, d 1, zero 1, header bytes 4, cell bytes 4. */
final class GeometryField {
    static final int SIZE_BYTES = 12;

    private GeometryField() {}

    static void put(ByteBuffer bytes, Stripe.Geometry geometry) {
        bytes.put((byte) geometry.policy().k()).put((byte) geometry.policy().m());
        bytes.put((byte) geometry.d()).put((byte) 0);
        bytes.putInt(geometry.headerBytes()).putInt(geometry.cellBytes());
    }

    static Stripe.Geometry get(ByteBuffer bytes) throws AshlarException.Corrupt {
        int k = bytes.get();
        int m = bytes.get();
        int d = bytes.get();
        bytes.get();
        int headerBytes = bytes.getInt();
        int cellBytes = bytes.getInt();
        boolean sane = k >= 1
                && k <= Policy.MAX_K
                && m >= 1
                && m <= Policy.MAX_M
                && d >= 1
                && d <= k
                && headerBytes >= CellFormat.ALIGN_BYTES
                && headerBytes <= CellFormat.MAX_HEADER_BYTES
                && headerBytes % CellFormat.ALIGN_BYTES == 0
                && cellBytes >= 0
                && cellBytes <= CellFormat.MAX_CELL_BYTES
                && cellBytes % CellFormat.ALIGN_BYTES == 0;
        if (!sane) {
            throw new AshlarException.Corrupt("the map names a stripe of impossible geometry: k="
                    + k + " m=" + m + " d=" + d + " headerBytes=" + headerBytes + " cellBytes="
                    + cellBytes + "; open the volume from an older root");
        }
        return new Stripe.Geometry(new Policy(k, m), d, headerBytes, cellBytes);
    }

    /** Pieces of all data cells taken together. */
    static int pieces(Stripe.Geometry geometry) {
        return geometry.d() * geometry.piecesPerCell();
    }
}
