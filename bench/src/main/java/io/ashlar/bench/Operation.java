package io.ashlar.bench;

/** What is measured of a kernel, and what the C program does to compare it with. */
public enum Operation {
    ENCODE("encode", "code"),
    ENCODE_WITH_CHECKSUMS("encode+crc", "code+crc"),
    RECONSTRUCT("reconstruct", "code");

    private final String label;
    private final String baselineCommand;

    Operation(String label, String baselineCommand) {
        this.label = label;
        this.baselineCommand = baselineCommand;
    }

    String label() {
        return label;
    }

    String baselineCommand() {
        return baselineCommand;
    }

    void run(CodingWork work) {
        switch (this) {
            case ENCODE -> work.encode();
            case ENCODE_WITH_CHECKSUMS -> work.encodeWithChecksums();
            case RECONSTRUCT -> work.reconstruct();
        }
    }
}
