package io.ashlar.client.format;

/**
 * A frame on the wire: a fixed part, a protobuf header, bulk bytes. Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     4  magic "ASHF"
 *      4     1  format version
 *      5     1  kind: 1 request, 2 response
 *      6     2  zero
 *      8     8  request id, of the connection's caller; a response repeats it
 *     16     4  h: protobuf header bytes
 *     20     4  b: bulk bytes
 *     24     4  CRC32C of [0, 24) and the protobuf header
 *     28     h  protobuf header: a Request or a Response
 *   28+h     b  bulk bytes, which carry checksums of their own
 * </pre>
 */
public final class FrameFormat {
    public static final int MAGIC = 0x46485341;
    public static final int VERSION = 1;
    public static final int REQUEST = 1;
    public static final int RESPONSE = 2;

    public static final int MAGIC_AT = 0;
    public static final int VERSION_AT = 4;
    public static final int KIND_AT = 5;
    public static final int REQUEST_ID_AT = 8;
    public static final int HEADER_BYTES_AT = 16;
    public static final int BULK_BYTES_AT = 20;
    public static final int CRC_AT = 24;
    public static final int FIXED_BYTES = 28;

    /** Longer protobuf headers are refused before anything is allocated for them. */
    public static final int MAX_HEADER_BYTES = 16 * 1024 * 1024;

    /** Longer bulk is refused likewise. */
    public static final int MAX_BULK_BYTES = 16 * 1024 * 1024;

    private FrameFormat() {}
}
