package io.ashlar.bench;

/** What is measured of a kernel, and what the C program does to compare it with. */
public enum Operation {
    ENCODE("encode"),
    ENCODE_WITH_CHECKSUMS("encode+crc"),
    RECONSTRUCT("reconstruct");

    private final String label;

    Operation(String label) {
        this.label = label;
    }

    /** Its name in reports, and as a command to the C program. */
    String label() {
        return label;
    }

    void run(CodingWork work) {
        switch (this) {
            case ENCODE -> work.encode();
            case ENCODE_WITH_CHECKSUMS -> work.encodeWithChecksums();
            case RECONSTRUCT -> work.reconstruct();
        }
    }
}
