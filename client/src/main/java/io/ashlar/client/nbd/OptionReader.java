package io.ashlar.client.nbd;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads the data of an option, and takes nothing on trust. */
final class OptionReader {
    private final ByteBuffer data;

    OptionReader(byte[] data) {
        this.data = ByteBuffer.wrap(data);
    }

    int u16() throws MalformedException {
        require(Short.BYTES);
        return Short.toUnsignedInt(data.getShort());
    }

    long u32() throws MalformedException {
        require(Integer.BYTES);
        return Integer.toUnsignedLong(data.getInt());
    }

    /** A string behind its length. */
    String string() throws MalformedException {
        return string(u32());
    }

    /** All that is left, as a string. */
    String rest() throws MalformedException {
        return string(data.remaining());
    }

    private String string(long lengthBytes) throws MalformedException {
        if (lengthBytes > NbdFormat.MAX_STRING_BYTES) {
            throw new MalformedException("a string of " + lengthBytes + " bytes: at most "
                    + NbdFormat.MAX_STRING_BYTES + " are taken");
        }
        require((int) lengthBytes);
        ByteBuffer bytes = data.slice(data.position(), (int) lengthBytes);
        data.position(data.position() + (int) lengthBytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new MalformedException("a string is not UTF-8");
        }
    }

    void requireEnd() throws MalformedException {
        if (data.hasRemaining()) {
            throw new MalformedException(data.remaining() + " bytes too many");
        }
    }

    private void require(int bytes) throws MalformedException {
        if (data.remaining() < bytes) {
            throw new MalformedException("the data end after " + data.limit() + " bytes");
        }
    }
}
