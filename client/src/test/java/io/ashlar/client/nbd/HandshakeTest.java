package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdConversation.go;
import static io.ashlar.client.nbd.NbdConversation.queries;
import static io.ashlar.client.nbd.NbdConversation.string;
import static io.netty.buffer.Unpooled.EMPTY_BUFFER;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.nbd.NbdConversation.OptionReply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.List;

class HandshakeTest {
    private static final int SIZE = 1 << 20;

    private final NbdConversation client = new NbdConversation(
            new MemoryDisk("one", SIZE, false), new MemoryDisk("two", 2 * SIZE, true));

    @AfterEach
    void close() {
        client.close();
    }

    @Test
    void listsItsExports() {
        List<OptionReply> replies = client.greet().ask(NbdFormat.OPT_LIST, EMPTY_BUFFER);
        assertThat(replies)
                .extracting(OptionReply::type)
                .containsExactly(NbdFormat.REP_SERVER, NbdFormat.REP_SERVER, NbdFormat.REP_ACK);
        assertThat(replies.getFirst().data()).isEqualTo(ByteBufUtil.getBytes(string("one")));
        assertThat(client.askOne(NbdFormat.OPT_LIST, string("x")).type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
    }

    @Test
    void tellsOfAnExportWhatItIsAskedFor() {
        List<OptionReply> replies = client.greet()
                .ask(
                        NbdFormat.OPT_INFO,
                        go("two", NbdFormat.INFO_NAME, NbdFormat.INFO_DESCRIPTION, 77));
        assertThat(replies.getLast().type()).isEqualTo(NbdFormat.REP_ACK);
        ByteBuf export = replies.getFirst().bytes();
        assertThat(export.readUnsignedShort()).isEqualTo(NbdFormat.INFO_EXPORT);
        assertThat(export.readLong()).isEqualTo(2 * SIZE);
        assertThat(export.readUnsignedShort() & NbdFormat.FLAG_READ_ONLY).isNotZero();
        assertThat(replies.get(1).text()).endsWith("two");
        ByteBuf sizes = replies.get(3).bytes();
        assertThat(sizes.readUnsignedShort()).isEqualTo(NbdFormat.INFO_BLOCK_SIZE);
        assertThat(sizes.readInt()).isOne();
        assertThat(sizes.readInt()).isEqualTo(4096);
        assertThat(sizes.readInt()).isEqualTo(32 << 20);
        assertThat(client.askOne(NbdFormat.OPT_LIST_META_CONTEXT, queries("one"))
                        .type())
                .as("the negotiation goes on, and structured replies were not agreed on")
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
    }

    @Test
    void entersTransmissionByTheOldOption() {
        client.greet()
                .send(NbdConversation.option(
                        NbdFormat.OPT_EXPORT_NAME, Unpooled.wrappedBuffer("one".getBytes(UTF_8))));
        ByteBuf answer = client.replies();
        assertThat(answer.readLong()).isEqualTo(SIZE);
        int flags = answer.readUnsignedShort();
        assertThat(flags & NbdFormat.FLAG_HAS_FLAGS).isNotZero();
        assertThat(flags & NbdFormat.FLAG_SEND_DF)
                .as("without structured replies")
                .isZero();
        assertThat(answer.isReadable())
                .as("zeroes, which the client wants none of")
                .isFalse();
        client.send(NbdConversation.request(0, NbdFormat.CMD_READ, 5, 0, 100));
        assertThat(client.simpleReply(100).cookie()).isEqualTo(5);
    }

    @Test
    void sendsZeroesToWhomWantsThem() {
        client.replies().clear();
        client.send(Unpooled.buffer().writeInt(NbdFormat.FLAG_FIXED_NEWSTYLE));
        client.send(NbdConversation.option(
                NbdFormat.OPT_EXPORT_NAME, Unpooled.wrappedBuffer("one".getBytes(UTF_8))));
        assertThat(client.replies().readableBytes()).isEqualTo(8 + 2 + 124);
    }

    @Test
    void whoChoosesNoExportIsClosed() {
        client.greet();
        client.pass(59);
        assertThat(client.isOpen()).isTrue();
        client.pass(2);
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void whoGivesUpAndTakesNothingIsClosedToo() {
        client.greet().stopTaking();
        client.send(NbdConversation.option(NbdFormat.OPT_ABORT, EMPTY_BUFFER));
        assertThat(client.isOpen()).isTrue();
        client.pass(61);
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void whoHasChosenOneMayBeIdleForEver() {
        client.enter("one", ReplyStyle.SIMPLE);
        client.pass(100_000);
        assertThat(client.isOpen()).isTrue();
    }

    @Test
    void anExportThatIsNotThereIsSaidToBeUnknown() {
        client.greet();
        OptionReply reply = client.askOne(NbdFormat.OPT_GO, go("three"));
        assertThat(reply.type()).isEqualTo(NbdFormat.REP_ERR_UNKNOWN);
        assertThat(reply.text()).contains("three");
        assertThat(client.askOne(NbdFormat.OPT_GO, go("")).type())
                .as("of two exports none is the one without a name")
                .isEqualTo(NbdFormat.REP_ERR_UNKNOWN);
        assertThat(client.isOpen()).isTrue();
        client.send(NbdConversation.option(
                NbdFormat.OPT_EXPORT_NAME, Unpooled.wrappedBuffer("three".getBytes(UTF_8))));
        assertThat(client.isOpen())
                .as("that option cannot be refused otherwise")
                .isFalse();
    }

    @Test
    void theOnlyExportNeedsNoName() {
        try (NbdConversation alone = new NbdConversation(new MemoryDisk("one", SIZE, false))) {
            assertThat(alone.greet().ask(NbdFormat.OPT_GO, go("")).getLast().type())
                    .isEqualTo(NbdFormat.REP_ACK);
        }
    }

    @Test
    void metadataContextsAreListedAndSelected() {
        client.greet();
        assertThat(client.askOne(NbdFormat.OPT_STRUCTURED_REPLY, EMPTY_BUFFER).type())
                .isEqualTo(NbdFormat.REP_ACK);
        for (String query : List.of("base:", "base:allocation", "ashlar:", "ashlar:health")) {
            List<OptionReply> listed =
                    client.ask(NbdFormat.OPT_LIST_META_CONTEXT, queries("one", query));
            assertThat(listed).hasSize(2);
            assertThat(listed.getFirst().text()).contains(query);
        }
        assertThat(client.ask(NbdFormat.OPT_LIST_META_CONTEXT, queries("one")))
                .as("all there are")
                .hasSize(3);
        assertThat(client.ask(NbdFormat.OPT_LIST_META_CONTEXT, queries("one", "x-y:z")))
                .hasSize(1);
        assertThat(client.ask(NbdFormat.OPT_SET_META_CONTEXT, queries("one", "base:")))
                .as("a wildcard selects nothing")
                .hasSize(1);
        assertThat(client.ask(
                        NbdFormat.OPT_SET_META_CONTEXT, queries("one", "base:allocation", "a:b")))
                .hasSize(2);
        assertThat(client.askOne(NbdFormat.OPT_SET_META_CONTEXT, queries("one", "base"))
                        .type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
        assertThat(client.askOne(NbdFormat.OPT_SET_META_CONTEXT, queries("none", "a:b"))
                        .type())
                .isEqualTo(NbdFormat.REP_ERR_UNKNOWN);
    }

    @Test
    void contextsOfAnotherExportCountForNothing() {
        client.greet();
        var _ = client.ask(NbdFormat.OPT_STRUCTURED_REPLY, EMPTY_BUFFER);
        var _ = client.ask(NbdFormat.OPT_SET_META_CONTEXT, queries("two", "base:allocation"));
        var _ = client.ask(NbdFormat.OPT_GO, go("one"));
        client.send(NbdConversation.request(0, NbdFormat.CMD_BLOCK_STATUS, 7, 0, 4096));
        assertThat(client.structuredReply().error()).isEqualTo(NbdError.INVAL.number());
    }

    @Test
    void extendedHeadersTakePrecedence() {
        client.greet();
        assertThat(client.askOne(NbdFormat.OPT_EXTENDED_HEADERS, EMPTY_BUFFER).type())
                .isEqualTo(NbdFormat.REP_ACK);
        assertThat(client.askOne(NbdFormat.OPT_STRUCTURED_REPLY, EMPTY_BUFFER).type())
                .isEqualTo(NbdFormat.REP_ERR_EXT_HEADER_REQD);
    }

    @Test
    void unknownAndMalformedOptionsAreRefusedAndTheNegotiationGoesOn() {
        client.greet();
        assertThat(client.askOne(5, EMPTY_BUFFER).type())
                .as("TLS")
                .isEqualTo(NbdFormat.REP_ERR_UNSUP);
        assertThat(client.askOne(NbdFormat.OPT_GO, Unpooled.buffer().writeInt(9))
                        .type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
        ByteBuf beyond = Unpooled.buffer().writeInt(-1).writeBytes("one".getBytes(UTF_8));
        assertThat(client.askOne(NbdFormat.OPT_GO, beyond).type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
        ByteBuf notText = Unpooled.buffer().writeInt(1).writeByte(0xff).writeShort(0);
        assertThat(client.askOne(NbdFormat.OPT_GO, notText).type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
        assertThat(client.askOne(NbdFormat.OPT_GO, go("one").writeByte(1)).type())
                .isEqualTo(NbdFormat.REP_ERR_INVALID);
        assertThat(client.askOne(NbdFormat.OPT_LIST, Unpooled.buffer().writeZero(100_000))
                        .type())
                .isEqualTo(NbdFormat.REP_ERR_TOO_BIG);
        assertThat(client.ask(NbdFormat.OPT_GO, go("one")).getLast().type())
                .isEqualTo(NbdFormat.REP_ACK);
    }

    @Test
    void anAbortIsAcknowledgedAndEndsTheConnection() {
        client.greet();
        assertThat(client.askOne(NbdFormat.OPT_ABORT, string("anything")).type())
                .isEqualTo(NbdFormat.REP_ACK);
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void unknownClientFlagsEndTheConnection() {
        client.send(Unpooled.buffer().writeInt(1 << 5));
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void whoeverDoesNotSpeakTheProtocolIsSentAway() {
        client.greet().send(Unpooled.wrappedBuffer("GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8)));
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void optionsWithoutEndEndTheConnection() {
        client.greet();
        ByteBuf list = NbdConversation.option(NbdFormat.OPT_LIST, EMPTY_BUFFER);
        for (int i = 0; i < 1_001 && client.isOpen(); i++) {
            client.send(list.copy());
            client.replies().clear();
        }
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void whatComesWithTheLastOptionIsARequestAlready() {
        client.greet();
        client.send(Unpooled.wrappedBuffer(
                NbdConversation.option(NbdFormat.OPT_GO, go("one")),
                NbdConversation.request(0, NbdFormat.CMD_FLUSH, 3, 0, 0)));
        ByteBuf replies = client.replies();
        replies.skipBytes(replies.readableBytes() - NbdFormat.SIMPLE_REPLY_BYTES);
        assertThat(client.simpleReply(0).cookie()).isEqualTo(3);
    }
}
