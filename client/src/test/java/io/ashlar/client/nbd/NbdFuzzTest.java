package io.ashlar.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Streams of which a part is wrong, cut anywhere, to a disk that answers late. Whatever comes, no
 * handler fails, and all memory is given back. {@code -Dashlar.nbd.fuzz=N} plays N streams.
 */
class NbdFuzzTest {
    private static final int SIZE = 1 << 20;

    static LongStream seeds() {
        return LongStream.range(0, Long.getLong("ashlar.nbd.fuzz", 300));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void survives(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        MemoryDisk disk = new MemoryDisk("disk", SIZE, random.nextInt(8) == 0);
        ReplyStyle style = List.of(ReplyStyle.values()).get(random.nextInt(3));
        NbdConversation client = new NbdConversation(disk);
        boolean inTransmission = random.nextInt(4) > 0;
        if (inTransmission) {
            client.enter(
                    "disk",
                    style,
                    style == ReplyStyle.SIMPLE ? new String[0] : new String[] {"base:allocation"});
        } else if (random.nextBoolean()) {
            client.greet();
        }
        ByteBuf stream = Unpooled.buffer();
        for (int i = 0; i < 40; i++) {
            stream.writeBytes(inTransmission ? request(random, style) : option(random));
        }
        damage(stream, random);
        while (stream.isReadable() && client.isOpen()) {
            if (random.nextInt(4) == 0) {
                disk.hold();
            } else if (random.nextInt(3) == 0) {
                disk.release();
            }
            int count = Math.min(stream.readableBytes(), 1 + random.nextInt(3_000));
            client.send(stream.readBytes(count));
            client.replies().clear();
        }
        client.close();
        disk.release();
        client.settleClosed();
        assertThat(client.budget.take(this, NbdConversation.MEMORY_BYTES, () -> {}))
                .as("memory of seed " + seed)
                .isTrue();
    }

    private static void damage(ByteBuf stream, SplittableRandom random) {
        for (int i = random.nextInt(4); i > 0; i--) {
            int at = random.nextInt(stream.readableBytes());
            stream.setByte(at, random.nextInt(256));
        }
    }

    static ByteBuf request(SplittableRandom random, ReplyStyle style) {
        int command = random.nextInt(10) == 0 ? random.nextInt(70_000) : random.nextInt(9);
        int flags = random.nextInt(3) == 0 ? random.nextInt(64) : 0;
        long offset = random.nextInt(5) == 0 ? random.nextLong() : random.nextInt(SIZE);
        long length = switch (random.nextInt(8)) {
            case 0 -> random.nextLong();
            case 1 -> 0;
            default -> random.nextInt(40_000);
        };
        if (style == ReplyStyle.EXTENDED) {
            flags |= command == NbdFormat.CMD_WRITE ? NbdFormat.CMD_FLAG_PAYLOAD_LEN : 0;
        }
        boolean carries = style == ReplyStyle.EXTENDED
                ? (flags & NbdFormat.CMD_FLAG_PAYLOAD_LEN) != 0
                : command == NbdFormat.CMD_WRITE;
        long size = carries ? Math.floorMod(length, 40_000) : length;
        ByteBuf request = style == ReplyStyle.EXTENDED
                ? NbdConversation.extendedRequest(flags, command, 1, offset, size)
                : NbdConversation.request(flags, command, 1, offset, size);
        return carries ? request.writeZero((int) size) : request;
    }

    static ByteBuf option(SplittableRandom random) {
        int option = random.nextInt(6) == 0 ? random.nextInt() : random.nextInt(13);
        ByteBuf data = switch (random.nextInt(5)) {
            case 0 -> Unpooled.EMPTY_BUFFER;
            case 1 -> NbdConversation.go(random.nextBoolean() ? "nobody" : "", 1, 3);
            case 2 -> NbdConversation.queries("disk", "base:allocation", "base:");
            case 3 -> NbdConversation.string("disk");
            default -> Unpooled.buffer().writeZero(random.nextInt(200));
        };
        return NbdConversation.option(option, data);
    }
}
