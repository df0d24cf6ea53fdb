package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdFormat.FLAG_BLOCK_STATUS_PAYLOAD;
import static io.ashlar.client.nbd.NbdFormat.FLAG_CAN_MULTI_CONN;
import static io.ashlar.client.nbd.NbdFormat.FLAG_HAS_FLAGS;
import static io.ashlar.client.nbd.NbdFormat.FLAG_READ_ONLY;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_CACHE;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_DF;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_FAST_ZERO;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_FLUSH;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_FUA;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_TRIM;
import static io.ashlar.client.nbd.NbdFormat.FLAG_SEND_WRITE_ZEROES;

import java.util.List;

/**
 * What a client and the server have agreed on.
 *
 * @param contexts that a BLOCK_STATUS is answered in
 */
record Negotiated(NbdExport export, ReplyStyle style, List<MetaContext> contexts) {

    static int transmissionFlags(NbdExport export, ReplyStyle style, boolean hasContexts) {
        int flags = FLAG_HAS_FLAGS
                | FLAG_SEND_FLUSH
                | FLAG_SEND_FUA
                | FLAG_CAN_MULTI_CONN
                | FLAG_SEND_CACHE;
        flags |= export.isReadOnly()
                ? FLAG_READ_ONLY
                : FLAG_SEND_TRIM | FLAG_SEND_WRITE_ZEROES | FLAG_SEND_FAST_ZERO;
        if (style != ReplyStyle.SIMPLE) {
            flags |= FLAG_SEND_DF;
        }
        if (style == ReplyStyle.EXTENDED && hasContexts) {
            flags |= FLAG_BLOCK_STATUS_PAYLOAD;
        }
        return flags;
    }
}
