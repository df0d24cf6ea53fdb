package io.ashlar.client.nbd;

/**
 * The NBD protocol on the wire [1]: fixed newstyle negotiation, then requests and replies, compact or
 * with extended headers [2]. Big-endian, as its specification has it.
 *
 * <pre>
 * greeting, to the client, and what it answers
 *      0     8  magic "NBDMAGIC"
 *      8     8  magic "IHAVEOPT"
 *     16     2  handshake flags
 *      0     4  client flags
 *
 * option, from the client
 *      0     8  magic "IHAVEOPT"
 *      8     4  option
 *     12     4  n: data bytes
 *     16     n  data
 *
 * reply to an option
 *      0     8  magic 0x0003e889045565a9
 *      8     4  option
 *     12     4  reply type; bit 31: an error
 *     16     4  n: data bytes
 *     20     n  data
 *
 * reply to EXPORT_NAME
 *      0     8  size of the export in bytes
 *      8     2  transmission flags
 *     10   124  zeroes, unless the client wants none
 *
 * request                            request with extended header
 *      0     4  magic 0x25609513          0     4  magic 0x21e41c71
 *      4     2  command flags             4     2  command flags
 *      6     2  command                   6     2  command
 *      8     8  cookie                    8     8  cookie
 *     16     8  offset                   16     8  offset
 *     24     4  n: length                24     8  n: length
 *     28     n  data of a WRITE          32     n  data where PAYLOAD_LEN is set
 *
 * simple reply
 *      0     4  magic 0x67446698
 *      4     4  error, 0 for none
 *      8     8  cookie
 *     16        data of a READ that did not fail
 *
 * chunk of a structured reply        chunk of a reply with extended header
 *      0     4  magic 0x668e33ef          0     4  magic 0x6e8a278c
 *      4     2  reply flags               4     2  reply flags
 *      6     2  chunk type                6     2  chunk type
 *      8     8  cookie                    8     8  cookie
 *     16     4  n: payload bytes         16     8  offset of the request
 *     20     n  payload                  24     8  n: payload bytes
 *                                        32     n  payload
 *
 * payload by chunk type
 *   OFFSET_DATA       8 offset, then the data
 *   OFFSET_HOLE       8 offset, 4 length
 *   BLOCK_STATUS      4 context id, then for each extent 4 length, 4 flags
 *   BLOCK_STATUS_EXT  4 context id, 4 extents, then for each 8 length, 8 flags
 *   ERROR             4 error, 2 message bytes, message
 * </pre>
 *
 * [1] https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, [2] the same in the branch
 * extension-ext-header.
 */
final class NbdFormat {
    static final long INIT_MAGIC = 0x4e42444d41474943L;
    static final long OPTION_MAGIC = 0x49484156454F5054L;
    static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    static final int REQUEST_MAGIC = 0x25609513;
    static final int EXTENDED_REQUEST_MAGIC = 0x21e41c71;
    static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;
    static final int EXTENDED_REPLY_MAGIC = 0x6e8a278c;

    static final int CLIENT_FLAGS_BYTES = 4;
    static final int OPTION_HEADER_BYTES = 16;
    static final int REQUEST_BYTES = 28;
    static final int EXTENDED_REQUEST_BYTES = 32;
    static final int SIMPLE_REPLY_BYTES = 16;
    static final int STRUCTURED_REPLY_BYTES = 20;
    static final int EXTENDED_REPLY_BYTES = 32;
    static final int EXPORT_NAME_ZEROES = 124;

    /** Of handshake and of client. */
    static final int FLAG_FIXED_NEWSTYLE = 1;

    static final int FLAG_NO_ZEROES = 1 << 1;

    // transmission flags
    static final int FLAG_HAS_FLAGS = 1;
    static final int FLAG_READ_ONLY = 1 << 1;
    static final int FLAG_SEND_FLUSH = 1 << 2;
    static final int FLAG_SEND_FUA = 1 << 3;
    static final int FLAG_SEND_TRIM = 1 << 5;
    static final int FLAG_SEND_WRITE_ZEROES = 1 << 6;
    static final int FLAG_SEND_DF = 1 << 7;
    static final int FLAG_CAN_MULTI_CONN = 1 << 8;
    static final int FLAG_SEND_CACHE = 1 << 10;
    static final int FLAG_SEND_FAST_ZERO = 1 << 11;
    static final int FLAG_BLOCK_STATUS_PAYLOAD = 1 << 12;

    // options
    static final int OPT_EXPORT_NAME = 1;
    static final int OPT_ABORT = 2;
    static final int OPT_LIST = 3;
    static final int OPT_INFO = 6;
    static final int OPT_GO = 7;
    static final int OPT_STRUCTURED_REPLY = 8;
    static final int OPT_LIST_META_CONTEXT = 9;
    static final int OPT_SET_META_CONTEXT = 10;
    static final int OPT_EXTENDED_HEADERS = 11;

    // replies to options
    static final int REP_ACK = 1;
    static final int REP_SERVER = 2;
    static final int REP_INFO = 3;
    static final int REP_META_CONTEXT = 4;
    static final int REP_ERROR = 1 << 31;
    static final int REP_ERR_UNSUP = REP_ERROR | 1;
    static final int REP_ERR_INVALID = REP_ERROR | 3;
    static final int REP_ERR_UNKNOWN = REP_ERROR | 6;
    static final int REP_ERR_TOO_BIG = REP_ERROR | 9;
    static final int REP_ERR_EXT_HEADER_REQD = REP_ERROR | 10;

    static final int INFO_EXPORT = 0;
    static final int INFO_NAME = 1;
    static final int INFO_DESCRIPTION = 2;
    static final int INFO_BLOCK_SIZE = 3;

    // commands
    static final int CMD_READ = 0;
    static final int CMD_WRITE = 1;
    static final int CMD_DISC = 2;
    static final int CMD_FLUSH = 3;
    static final int CMD_TRIM = 4;
    static final int CMD_CACHE = 5;
    static final int CMD_WRITE_ZEROES = 6;
    static final int CMD_BLOCK_STATUS = 7;

    static final int CMD_FLAG_FUA = 1;
    static final int CMD_FLAG_NO_HOLE = 1 << 1;
    static final int CMD_FLAG_DF = 1 << 2;
    static final int CMD_FLAG_REQ_ONE = 1 << 3;
    static final int CMD_FLAG_FAST_ZERO = 1 << 4;
    static final int CMD_FLAG_PAYLOAD_LEN = 1 << 5;

    static final int REPLY_FLAG_DONE = 1;

    static final int CHUNK_NONE = 0;
    static final int CHUNK_OFFSET_DATA = 1;
    static final int CHUNK_OFFSET_HOLE = 2;
    static final int CHUNK_BLOCK_STATUS = 5;
    static final int CHUNK_BLOCK_STATUS_EXT = 6;
    static final int CHUNK_ERROR = (1 << 15) | 1;

    static final int STATE_HOLE = 1;
    static final int STATE_ZERO = 1 << 1;

    /** Data of one READ or WRITE at most: what every client may count on. */
    static final int MAX_PAYLOAD_BYTES = 1 << 25;

    /** Names and messages at most. */
    static final int MAX_STRING_BYTES = 4096;

    private NbdFormat() {}
}
