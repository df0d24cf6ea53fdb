package io.ashlar.client.nbd;

import static io.ashlar.client.nbd.NbdConversation.extendedRequest;
import static io.ashlar.client.nbd.NbdConversation.request;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.AshlarException;
import io.ashlar.client.nbd.NbdConversation.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

class TransmissionTest {
    private static final int SIZE = 8 << 20;

    private final SplittableRandom random = new SplittableRandom(1);
    private final MemoryDisk disk = new MemoryDisk("disk", SIZE, false);
    private final List<NbdConversation> open = new ArrayList<>();

    private NbdConversation enter(ReplyStyle style, String... contexts) {
        return keep(new NbdConversation(disk).enter("disk", style, contexts));
    }

    private NbdConversation keep(NbdConversation client) {
        open.add(client);
        return client;
    }

    @AfterEach
    void everythingIsGivenBack() {
        open.forEach(NbdConversation::close);
        disk.release();
        for (NbdConversation client : open) {
            client.settleClosed();
            assertThat(client.budget.take(this, NbdConversation.MEMORY_BYTES, () -> {}))
                    .as("memory of requests that are over")
                    .isTrue();
            client.budget.giveBack(NbdConversation.MEMORY_BYTES);
        }
    }

    private byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] fill() {
        byte[] bytes = randomBytes(SIZE);
        System.arraycopy(bytes, 0, disk.bytes, 0, SIZE);
        return bytes;
    }

    @Test
    void readsAndWritesBytesOfAnyAlignment() {
        byte[] expected = fill();
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        for (int i = 0; i < 200; i++) {
            int offset = random.nextInt(SIZE);
            int length = 1 + random.nextInt(Math.min(SIZE - offset, 100_000));
            long cookie = client.nextCookie();
            if (random.nextBoolean()) {
                byte[] bytes = randomBytes(length);
                System.arraycopy(bytes, 0, expected, offset, length);
                client.send(request(NbdFormat.CMD_FLAG_FUA, 1, cookie, offset, length));
                client.send(Unpooled.wrappedBuffer(bytes));
                assertThat(client.simpleReply(0)).matches(Reply::isDone);
            } else {
                client.send(request(0, NbdFormat.CMD_READ, cookie, offset, length));
                Reply reply = client.simpleReply(length);
                assertThat(reply.cookie()).isEqualTo(cookie);
                assertThat(reply.data())
                        .isEqualTo(Arrays.copyOfRange(expected, offset, offset + length));
            }
        }
        assertThat(disk.bytes).isEqualTo(expected);
    }

    @Test
    void aStreamMayBeCutAnywhere() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        byte[] expected = new byte[SIZE];
        ByteBuf stream = Unpooled.buffer();
        for (int i = 0; i < 50; i++) {
            int offset = random.nextInt(SIZE - 20_000);
            byte[] bytes = randomBytes(1 + random.nextInt(20_000));
            System.arraycopy(bytes, 0, expected, offset, bytes.length);
            stream.writeBytes(request(0, NbdFormat.CMD_WRITE, i, offset, bytes.length));
            stream.writeBytes(bytes);
        }
        while (stream.isReadable()) {
            int count = Math.min(stream.readableBytes(), 1 + random.nextInt(5_000));
            client.send(stream.readBytes(count));
        }
        for (int i = 0; i < 50; i++) {
            assertThat(client.simpleReply(0).cookie()).isEqualTo(i);
        }
        assertThat(disk.bytes).isEqualTo(expected);
    }

    @Test
    void aStructuredReadTellsOfHoles() {
        byte[] bytes = fill();
        Arrays.fill(bytes, 8192, 32768, (byte) 0);
        System.arraycopy(bytes, 0, disk.bytes, 0, SIZE);
        NbdConversation client = enter(ReplyStyle.STRUCTURED);
        client.send(request(0, NbdFormat.CMD_READ, 9, 1000, 60_000));
        Reply before = client.structuredReply();
        assertThat(before.type()).isEqualTo(NbdFormat.CHUNK_OFFSET_DATA);
        assertThat(before.bytes().readLong()).isEqualTo(1000);
        assertThat(before.data()).hasSize(8 + 7192);
        int holes = 0;
        Reply next = client.structuredReply();
        while (next.type() == NbdFormat.CHUNK_OFFSET_HOLE) {
            holes += next.bytes().skipBytes(8).readInt();
            next = client.structuredReply();
        }
        assertThat(holes).isEqualTo(32768 - 8192);
        assertThat(next.last()).isTrue();
        assertThat(next.bytes().readLong()).isEqualTo(32768);
        assertThat(Arrays.copyOfRange(next.data(), 8, next.data().length))
                .isEqualTo(Arrays.copyOfRange(bytes, 32768, 61_000));

        client.send(request(NbdFormat.CMD_FLAG_DF, NbdFormat.CMD_READ, 10, 1000, 60_000));
        Reply whole = client.structuredReply();
        assertThat(whole.last()).as("not to be fragmented").isTrue();
        assertThat(Arrays.copyOfRange(whole.data(), 8, whole.data().length))
                .isEqualTo(Arrays.copyOfRange(bytes, 1000, 61_000));
    }

    @Test
    void blockStatusTellsWhatIsAHole() {
        Arrays.fill(disk.bytes, 0, 12_288, (byte) 1);
        NbdConversation client = enter(ReplyStyle.STRUCTURED, "base:allocation");
        client.send(request(0, NbdFormat.CMD_BLOCK_STATUS, 11, 4096, 40_960));
        Reply reply = client.structuredReply();
        assertThat(reply.type()).isEqualTo(NbdFormat.CHUNK_BLOCK_STATUS);
        ByteBuf status = reply.bytes();
        assertThat(status.readInt()).isEqualTo(MetaContext.ALLOCATION.id());
        assertThat(status.readInt()).isEqualTo(8192);
        assertThat(status.readInt()).isZero();
        assertThat(status.readInt()).isEqualTo(32_768);
        assertThat(status.readInt()).isEqualTo(NbdFormat.STATE_HOLE | NbdFormat.STATE_ZERO);
        assertThat(status.isReadable()).isFalse();

        int one = NbdFormat.CMD_FLAG_REQ_ONE;
        client.send(request(one, NbdFormat.CMD_BLOCK_STATUS, 12, 4096, 40_960));
        assertThat(client.structuredReply().data()).hasSize(4 + 8);
    }

    @Test
    void blockStatusTellsOfEveryContextThatWasAgreedOn() {
        NbdConversation client = enter(ReplyStyle.STRUCTURED, "ashlar:health", "base:allocation");
        client.send(request(0, NbdFormat.CMD_BLOCK_STATUS, 11, 0, 40_960));
        Reply allocation = client.structuredReply();
        assertThat(allocation.last()).isFalse();
        assertThat(allocation.bytes().readInt()).isEqualTo(MetaContext.ALLOCATION.id());
        Reply reply = client.structuredReply();
        assertThat(reply.last()).isTrue();
        ByteBuf health = reply.bytes();
        assertThat(health.readInt()).isEqualTo(MetaContext.HEALTH.id());
        assertThat(health.readInt()).isEqualTo(4096);
        assertThat(health.readInt()).isEqualTo(MetaContext.DEGRADED);
        assertThat(health.readInt()).isEqualTo(36_864);
        assertThat(health.readInt()).isZero();
        assertThat(health.isReadable()).isFalse();
    }

    @Test
    void extendedHeadersCarryEveryCommand() {
        NbdConversation client = enter(ReplyStyle.EXTENDED, "base:allocation");
        byte[] bytes = randomBytes(5_000);
        int payload = NbdFormat.CMD_FLAG_PAYLOAD_LEN;
        client.send(extendedRequest(payload, NbdFormat.CMD_WRITE, 1, 77, bytes.length));
        client.send(Unpooled.wrappedBuffer(bytes));
        assertThat(client.extendedReply(77)).matches(Reply::isDone);
        client.send(extendedRequest(0, NbdFormat.CMD_READ, 2, 77, bytes.length));
        Reply read = client.extendedReply(77);
        assertThat(Arrays.copyOfRange(read.data(), 8, read.data().length)).isEqualTo(bytes);
        client.send(extendedRequest(0, NbdFormat.CMD_FLUSH, 3, 0, 0));
        assertThat(client.extendedReply(0).type()).isEqualTo(NbdFormat.CHUNK_NONE);
        client.send(extendedRequest(0, NbdFormat.CMD_BLOCK_STATUS, 4, 0, SIZE));
        ByteBuf status = client.extendedReply(0).bytes();
        assertThat(status.readInt()).isEqualTo(MetaContext.ALLOCATION.id());
        assertThat(status.readInt()).as("extents").isEqualTo(2);
        assertThat(status.readLong()).isEqualTo(8192);
        assertThat(status.readLong()).isZero();
    }

    @Test
    void aBlockStatusMayNameItsContexts() {
        NbdConversation client = enter(ReplyStyle.EXTENDED, "base:allocation");
        int payload = NbdFormat.CMD_FLAG_PAYLOAD_LEN;
        client.send(extendedRequest(payload, NbdFormat.CMD_BLOCK_STATUS, 1, 0, 12));
        client.send(Unpooled.buffer().writeLong(4096).writeInt(MetaContext.ALLOCATION.id()));
        assertThat(client.extendedReply(0).type()).isEqualTo(NbdFormat.CHUNK_BLOCK_STATUS_EXT);
        client.send(extendedRequest(payload, NbdFormat.CMD_BLOCK_STATUS, 2, 0, 12));
        client.send(Unpooled.buffer().writeLong(4096).writeInt(99));
        assertThat(client.extendedReply(0).error()).isEqualTo(NbdError.INVAL.number());
        client.send(extendedRequest(payload, NbdFormat.CMD_BLOCK_STATUS, 3, 0, 3));
        client.send(Unpooled.buffer().writeZero(3));
        assertThat(client.extendedReply(0).error()).isEqualTo(NbdError.INVAL.number());
    }

    @ParameterizedTest(name = "flags {0}, command {1}, {2}+{3}: error {4}")
    @CsvSource({
        "0, 0, 8388608, 1, 22", // a read behind the end
        "0, 0, -1, 4096, 22", // and far behind it
        "0, 4, 8388600, 100, 22", // a trim
        "0, 6, 8388600, 100, 28", // zeroes
        "0, 0, 0, 33554433, 22", // too long for one reply
        "0, 3, 4096, 0, 22", // a flush of a part
        "0, 7, 0, 4096, 22", // no context was agreed on
        "0, 99, 0, 0, 22", // no such command
        "2, 0, 0, 4096, 22", // a flag of another command
        "4, 0, 0, 4096, 22", // DF without structured replies
        "32, 0, 0, 4096, 22", // a payload without extended headers
    })
    void whatIsWrongIsRefusedAndTheConnectionGoesOn(
            int flags, int command, long offset, long length, int error) {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        client.send(request(flags, command, 1, offset, length));
        assertThat(client.simpleReply(0).error()).isEqualTo(error);
        client.send(request(0, NbdFormat.CMD_READ, 2, 0, 10));
        assertThat(client.simpleReply(10)).matches(Reply::isDone);
    }

    @ParameterizedTest
    @ValueSource(longs = {(32 << 20) + 1, 8 << 20})
    void theDataOfAWriteThatIsRefusedAreSkipped(long length) {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        client.send(request(0, NbdFormat.CMD_WRITE, 1, 4096, length));
        for (long left = length; left > 0; left -= 1 << 20) {
            client.send(Unpooled.buffer().writeZero((int) Math.min(left, 1 << 20)));
        }
        assertThat(client.simpleReply(0).error())
                .isEqualTo((length > 32 << 20 ? NbdError.INVAL : NbdError.NOSPC).number());
        client.send(request(0, NbdFormat.CMD_READ, 2, 0, 10));
        assertThat(client.simpleReply(10).cookie()).isEqualTo(2);
    }

    @Test
    void nothingIsWrittenToWhatIsReadOnly() {
        MemoryDisk still = new MemoryDisk("still", SIZE, true);
        NbdConversation client =
                keep(new NbdConversation(still).enter("still", ReplyStyle.STRUCTURED));
        client.send(request(0, NbdFormat.CMD_WRITE, 1, 0, 4));
        client.send(Unpooled.buffer().writeInt(-1));
        assertThat(client.structuredReply().error()).isEqualTo(NbdError.PERM.number());
        client.send(request(0, NbdFormat.CMD_TRIM, 2, 0, 4096));
        assertThat(client.structuredReply().error()).isEqualTo(NbdError.PERM.number());
        client.send(request(0, NbdFormat.CMD_WRITE_ZEROES, 3, 0, 4096));
        assertThat(client.structuredReply().error()).isEqualTo(NbdError.PERM.number());
        assertThat(still.bytes).containsOnly(0);
    }

    @Test
    void anErrorOfTheDiskIsToldWithItsReason() {
        disk.fail(new AshlarException.InsufficientShards("stripe 7 of segment s: 3 of 4 cells"));
        NbdConversation client = enter(ReplyStyle.STRUCTURED);
        client.send(request(0, NbdFormat.CMD_READ, 1, 0, 4096));
        Reply reply = client.structuredReply();
        assertThat(reply.error()).isEqualTo(NbdError.IO.number());
        assertThat(new String(reply.data(), UTF_8)).contains("stripe 7");
        client.send(request(0, NbdFormat.CMD_FLUSH, 2, 0, 0));
        assertThat(client.structuredReply().error()).isEqualTo(NbdError.IO.number());
    }

    @Test
    void nothingOfLengthZeroDoesHarm() {
        NbdConversation client = enter(ReplyStyle.STRUCTURED);
        for (int command : new int[] {0, 1, 4, 5, 6}) {
            client.send(request(0, command, command, 0, 0));
            Reply reply = client.structuredReply();
            assertThat(reply).matches(Reply::isDone);
            assertThat(reply.cookie()).isEqualTo(command);
        }
        client.send(request(0, NbdFormat.CMD_READ, 50, SIZE, 0));
        assertThat(client.structuredReply()).matches(Reply::isDone);
    }

    @Test
    void repliesComeAsRequestsEnd() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        disk.hold();
        client.send(request(0, NbdFormat.CMD_READ, 1, 0, 4096));
        client.send(request(0, 99, 2, 0, 0));
        assertThat(client.simpleReply(0).cookie()).isEqualTo(2);
        disk.release();
        assertThat(client.simpleReply(4096).cookie()).isEqualTo(1);
    }

    @Test
    void whatWasUnderWayAtADisconnectIsDone() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        disk.hold();
        client.send(request(0, NbdFormat.CMD_WRITE, 1, 0, 4));
        client.send(Unpooled.buffer().writeInt(0x01020304));
        client.send(request(0, NbdFormat.CMD_DISC, 2, 0, 0));
        assertThat(client.isOpen()).as("until what is under way is done").isTrue();
        disk.release();
        assertThat(client.simpleReply(0).cookie()).isEqualTo(1);
        assertThat(client.isOpen()).isFalse();
        assertThat(Arrays.copyOf(disk.bytes, 4)).containsExactly(1, 2, 3, 4);
    }

    @Test
    void aClientThatVanishesTakesNothingWithIt() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        disk.hold();
        client.send(request(0, NbdFormat.CMD_READ, 1, 0, 1 << 20));
        client.send(request(0, NbdFormat.CMD_WRITE, 2, 0, 8192));
        client.send(Unpooled.buffer().writeZero(5_000));
        client.close();
        disk.release();
    }

    /** Half a write that others wait for the memory of: it is closed after a while, and they go on. */
    @Test
    void whoeverKeepsMemoryThatOthersWaitForIsClosed() {
        assertThat(isLeftOpen(0)).isFalse();
    }

    @Test
    void whoeverSendsDropByDropMeanwhileIsClosedToo() {
        assertThat(isLeftOpen(100)).isFalse();
    }

    @Test
    void whoeverIsOnlySlowIsNot() {
        assertThat(isLeftOpen(100_000)).isTrue();
    }

    /** A client that sends so much of a write every five seconds, while another waits for memory. */
    private boolean isLeftOpen(int bytesPerLook) {
        MemoryBudget budget = new MemoryBudget(NbdConversation.MEMORY_BYTES);
        NbdConversation slow = keep(new NbdConversation(budget, disk).enter("disk", style()));
        NbdConversation other = keep(new NbdConversation(budget, disk).enter("disk", style()));
        slow.send(request(0, NbdFormat.CMD_WRITE, 1, 0, 8 << 20));
        slow.send(Unpooled.buffer().writeZero(5_000));
        long left = NbdConversation.MEMORY_BYTES - (8 << 20) - 8192;
        assertThat(budget.take(this, left, () -> {})).isTrue();
        other.send(request(0, NbdFormat.CMD_READ, 2, 0, 4 << 20));
        other.send(request(0, NbdFormat.CMD_FLUSH, 3, 0, 0));
        assertThat(other.reads()).isFalse();
        for (int i = 0; i < 12 && slow.isOpen(); i++) {
            slow.send(Unpooled.buffer().writeZero(bytesPerLook));
            slow.pass(5);
        }
        boolean open = slow.isOpen();
        if (!open) {
            assertThat(other.simpleReply(4 << 20).cookie()).isEqualTo(2);
        }
        budget.giveBack(left);
        return open;
    }

    @Test
    void aDisconnectNeedsNoFlagsAndNoMemory() {
        NbdConversation client = enter(ReplyStyle.STRUCTURED);
        client.send(request(NbdFormat.CMD_FLAG_DF, NbdFormat.CMD_DISC, 1, 5, 5));
        assertThat(client.replies().isReadable()).isFalse();
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void zeroesThatAreNoFasterAreNotSaidToBe() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        int fast = NbdFormat.CMD_FLAG_FAST_ZERO;
        client.send(request(fast, NbdFormat.CMD_WRITE_ZEROES, 1, 4096, 8192));
        assertThat(client.simpleReply(0)).matches(Reply::isDone);
        client.send(request(fast, NbdFormat.CMD_WRITE_ZEROES, 2, 4096, 100));
        assertThat(client.simpleReply(0).error()).isEqualTo(NbdError.NOTSUP.number());
    }

    @Test
    void bytesThatAreNoRequestEndTheConnection() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        client.send(Unpooled.buffer().writeZero(28));
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void anExtendedRequestWithoutBoundsEndsTheConnection() {
        NbdConversation client = enter(ReplyStyle.EXTENDED);
        int payload = NbdFormat.CMD_FLAG_PAYLOAD_LEN;
        client.send(extendedRequest(payload, NbdFormat.CMD_WRITE, 1, 0, -1));
        assertThat(client.isOpen()).isFalse();
    }

    @Test
    void onlySoManyRequestsAreTakenAtATime() {
        NbdConversation client = enter(ReplyStyle.SIMPLE);
        disk.hold();
        for (int i = 0; i < 2_000; i++) {
            client.send(request(0, NbdFormat.CMD_READ, i, 0, 1));
        }
        assertThat(disk.heldCount()).isEqualTo(1_024);
        assertThat(client.reads()).isFalse();
        disk.release();
        assertThat(cookies(client, 2_000, 1)).containsExactlyInAnyOrderElementsOf(upTo(2_000));
        assertThat(client.reads()).isTrue();
    }

    @Test
    void memoryIsBoundedForAllConnectionsTogether() {
        MemoryBudget budget = new MemoryBudget(NbdConversation.MEMORY_BYTES);
        NbdConversation one = keep(new NbdConversation(budget, disk).enter("disk", style()));
        NbdConversation other = keep(new NbdConversation(budget, disk).enter("disk", style()));
        disk.hold();
        for (int i = 0; i < 20; i++) {
            one.send(request(0, NbdFormat.CMD_READ, i, 0, 4 << 20));
            other.send(request(0, NbdFormat.CMD_READ, i, 0, 4 << 20));
        }
        assertThat(disk.heldCount()).as("32 MiB of each").isEqualTo(16);
        for (int round = 0; round < 20; round++) {
            while (disk.heldCount() > 0) {
                disk.releaseOne();
            }
            one.settle();
            other.settle();
        }
        for (NbdConversation client : List.of(one, other)) {
            assertThat(cookies(client, 20, 4 << 20)).containsExactlyInAnyOrderElementsOf(upTo(20));
        }
    }

    private static List<Long> cookies(NbdConversation client, int count, int dataBytes) {
        List<Long> cookies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            cookies.add(client.simpleReply(dataBytes).cookie());
        }
        return cookies;
    }

    private static List<Long> upTo(long count) {
        return LongStream.range(0, count).boxed().toList();
    }

    private static ReplyStyle style() {
        return ReplyStyle.SIMPLE;
    }
}
