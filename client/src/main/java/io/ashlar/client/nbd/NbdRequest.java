package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdFormat.CMD_BLOCK_STATUS;
import static io.ashlar.client.nbd.NbdFormat.CMD_CACHE;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_DF;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_FAST_ZERO;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_FUA;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_NO_HOLE;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_PAYLOAD_LEN;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLAG_REQ_ONE;
import static io.ashlar.client.nbd.NbdFormat.CMD_FLUSH;
import static io.ashlar.client.nbd.NbdFormat.CMD_READ;
import static io.ashlar.client.nbd.NbdFormat.CMD_TRIM;
import static io.ashlar.client.nbd.NbdFormat.CMD_WRITE;
import static io.ashlar.client.nbd.NbdFormat.CMD_WRITE_ZEROES;
import static io.ashlar.client.nbd.NbdFormat.MAX_PAYLOAD_BYTES;

import org.jspecify.annotations.Nullable;

/**
 * What a client asks for.
 *
 * @param cookie repeated in every reply
 * @param offset unsigned
 * @param length of the range, or of the payload; unsigned
 */
record NbdRequest(int flags, int command, long cookie, long offset, long length) {

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Bytes behind the request; unsigned. */
    long payloadBytes(ReplyStyle style) {
        boolean carries =
                style == ReplyStyle.EXTENDED ? has(CMD_FLAG_PAYLOAD_LEN) : command == CMD_WRITE;
        return carries ? length : 0;
    }

    /** A reason not to do it, known from the request alone. */
    record Refusal(NbdError error, String reason) {}

    /** Why it is not to be done, or null. */
    @Nullable
    Refusal refusal(Negotiated negotiated) {
        NbdExport export = negotiated.export();
        if (command < CMD_READ || command > CMD_BLOCK_STATUS) {
            return invalid("command " + command + " is not known here");
        }
        if ((flags & ~allowedFlags(negotiated)) != 0) {
            return invalid(
                    "flags " + Integer.toHexString(flags) + " do not go with command " + command);
        }
        if (export.isReadOnly() && writes()) {
            return new Refusal(NbdError.PERM, "the export is read-only");
        }
        return switch (command) {
            case CMD_FLUSH ->
                offset == 0 && length == 0 ? null : invalid("a flush is of the whole export");
            default -> rangeRefusal(negotiated);
        };
    }

    private @Nullable Refusal rangeRefusal(Negotiated negotiated) {
        ReplyStyle style = negotiated.style();
        if (command == CMD_WRITE && style == ReplyStyle.EXTENDED && !has(CMD_FLAG_PAYLOAD_LEN)) {
            return invalid("a write without its data");
        }
        boolean tooLong = Long.compareUnsigned(length, MAX_PAYLOAD_BYTES) > 0;
        if (command == CMD_WRITE && tooLong) {
            return invalid("a write of more than " + MAX_PAYLOAD_BYTES + " bytes");
        }
        if (command == CMD_BLOCK_STATUS && negotiated.contexts().isEmpty()) {
            return invalid("no metadata context was agreed on");
        }
        if (command == CMD_BLOCK_STATUS && length == 0) {
            return invalid("the status of nothing");
        }
        if (command == CMD_BLOCK_STATUS && has(CMD_FLAG_PAYLOAD_LEN)) {
            return null;
        }
        if (!isWithin(negotiated.export().sizeBytes())) {
            boolean noRoom = command == CMD_WRITE || command == CMD_WRITE_ZEROES;
            return new Refusal(
                    noRoom ? NbdError.NOSPC : NbdError.INVAL,
                    "the range ends beyond the export's " + negotiated.export().sizeBytes()
                            + " bytes");
        }
        if (command == CMD_WRITE_ZEROES && has(CMD_FLAG_FAST_ZERO) && !isFast()) {
            return new Refusal(NbdError.NOTSUP, "zeroes of less than a block are no faster");
        }
        if (command == CMD_READ && tooLong) {
            return new Refusal(
                    style == ReplyStyle.SIMPLE ? NbdError.INVAL : NbdError.OVERFLOW,
                    "a read of more than " + MAX_PAYLOAD_BYTES + " bytes");
        }
        return null;
    }

    /** Zeroes are not stored, but where they do not fill a block. */
    private boolean isFast() {
        return offset % NbdExport.BLOCK_BYTES == 0 && length % NbdExport.BLOCK_BYTES == 0;
    }

    boolean isWithin(long sizeBytes) {
        return Long.compareUnsigned(length, sizeBytes) <= 0
                && Long.compareUnsigned(offset, sizeBytes - length) <= 0;
    }

    private int allowedFlags(Negotiated negotiated) {
        boolean extended = negotiated.style() == ReplyStyle.EXTENDED;
        return CMD_FLAG_FUA
                | switch (command) {
                    case CMD_READ -> negotiated.style() == ReplyStyle.SIMPLE ? 0 : CMD_FLAG_DF;
                    case CMD_WRITE -> extended ? CMD_FLAG_PAYLOAD_LEN : 0;
                    case CMD_WRITE_ZEROES -> CMD_FLAG_NO_HOLE | CMD_FLAG_FAST_ZERO;
                    case CMD_BLOCK_STATUS ->
                        CMD_FLAG_REQ_ONE | (extended ? CMD_FLAG_PAYLOAD_LEN : 0);
                    default -> 0;
                };
    }

    private boolean writes() {
        return command == CMD_WRITE || command == CMD_TRIM || command == CMD_WRITE_ZEROES;
    }

    /** What it takes of memory from when it is begun until its reply is with the client. */
    long memoryBytes() {
        return switch (command) {
            case CMD_READ -> length;
            case CMD_WRITE -> length + 2L * NbdExport.BLOCK_BYTES;
            case CMD_CACHE, CMD_BLOCK_STATUS -> BlockStatus.MEMORY_BYTES;
            default -> 0;
        };
    }

    private static Refusal invalid(String reason) {
        return new Refusal(NbdError.INVAL, reason);
    }
}
