package io.ashlar.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.ec.Crc32c;

/**
 * The {@code identity} file of a drive directory, made when it was formatted: four lines of UTF-8,
 * each ended by a line feed.
 *
 * <pre>
 * line  text
 *    1  ashlar-drive VERSION
 *    2  drive 32 HEXADECIMAL DIGITS
 *    3  node ID
 *    4  crc32c 8 HEXADECIMAL DIGITS, of the bytes of lines 1 to 3
 * </pre>
 */
final class IdentityFormat {
    static final int VERSION = 1;

    private static final String MAGIC = "ashlar-drive ";

    private IdentityFormat() {}

    /** Whose a drive is. */
    record Identity(DriveId drive, String node) {}

    static byte[] write(Identity identity) {
        String text = MAGIC + VERSION + "\ndrive " + identity.drive() + "\nnode " + identity.node()
                + "\n";
        return (text + crcLine(text)).getBytes(UTF_8);
    }

    private static String crcLine(String text) {
        return String.format("crc32c %08x\n", Crc32c.of(text.getBytes(UTF_8)));
    }

    /**
     * Reads a drive's identity.
     *
     * @param path named in errors
     * @throws AshlarException incompatible for a newer version, corrupt for anything else
     */
    static Identity read(byte[] bytes, String path) throws AshlarException {
        String text = new String(bytes, UTF_8);
        String[] lines = text.split("\n", -1);
        if (!lines[0].startsWith(MAGIC)) {
            throw corrupt(path);
        }
        String version = lines[0].substring(MAGIC.length());
        if (!version.equals(String.valueOf(VERSION))) {
            throw new AshlarException.Incompatible("drive " + path + " has format version "
                    + version + ", this release knows " + VERSION + ": use a newer release");
        }
        int crcAt = text.lastIndexOf("crc32c ");
        if (lines.length != 5
                || crcAt < 0
                || !text.substring(crcAt).equals(crcLine(text.substring(0, crcAt)))) {
            throw corrupt(path);
        }
        try {
            DriveId drive = DriveId.parse(lines[1].substring("drive ".length()));
            return new Identity(drive, lines[2].substring("node ".length()));
        } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
            throw corrupt(path);
        }
    }

    private static AshlarException corrupt(String path) {
        return new AshlarException.Corrupt("the identity file of drive " + path
                + " is damaged: restore it from a copy, or empty the directory to format it anew"
                + " and let repair refill it");
    }
}
