package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ScrubDrives;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** When an order is obeyed, on a node of two drives each of which remembers in its own time. */
final class OrderBookTest {
    private final TestSegment segment = TestSegment.rs42();
    private final TestDrive first = new TestDrive(1);
    private final TestDrive second = new TestDrive(2);
    private final LocalTransport transport = new LocalTransport();
    private final List<Long> obeyed = new ArrayList<>();
    private final OrderBook book = new OrderBook(
            transport.nextLoop(),
            new Drives(List.of(first.drive, second.drive)),
            (order, completion) -> {
                obeyed.add(order.getId());
                completion.done(OrderResult.getDefaultInstance());
            },
            () -> {});

    OrderBookTest() throws IOException {}

    @Test
    void obeysWhatNamesAHealthyDriveWhileAnotherOneHangs() {
        for (int index = 1; index <= 20; index++) {
            book.take(reply(index, deletion(1, first), deletion(2, second), scrub(3)));
            runAll(second);
        }
        assertThat(obeyed).containsExactly(2L, 3L);
        assertThat(tasksOf(first)).isLessThan(5);
        runAll(first);
        assertThat(obeyed).containsExactly(2L, 3L, 1L);
    }

    @Test
    void obeysARepeatedOrderOnlyOnceItsAuthorityIsDurable() {
        book.take(reply(1, deletion(1, first)));
        book.take(reply(1, deletion(1, first), deletion(2, first), scrub(3)));
        runLoop();
        assertThat(obeyed).isEmpty();
        runAll(first);
        assertThat(obeyed).containsExactly(1L, 2L, 3L);
    }

    @Test
    void dropsWhatAHigherAuthorityDoesNotRepeat() {
        book.take(reply(1, deletion(1, first), deletion(2, first)));
        book.take(reply(2, deletion(2, first)));
        runAll(first);
        assertThat(obeyed).containsExactly(2L);
    }

    @Test
    void refusesWhatNamesADriveThatCannotRemember() {
        first.directory.failWrites = true;
        book.take(reply(1, deletion(1, first), scrub(3)));
        runAll(first);
        assertThat(obeyed).isEmpty();
        assertThat(book.results()).singleElement().satisfies(result -> {
            assertThat(result.getOrder()).isEqualTo(1);
            assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.UNAVAILABLE);
        });
        runAll(second);
        assertThat(obeyed).containsExactly(3L);
    }

    @Test
    void refusesWhatNamesNoDriveWhereNoneCanRemember() {
        first.directory.failWrites = true;
        second.directory.failWrites = true;
        book.take(reply(1, scrub(3)));
        runAll(first);
        assertThat(book.results()).isEmpty();
        runAll(second);
        assertThat(obeyed).isEmpty();
        assertThat(book.results()).extracting(OrderResult::getOrder).containsExactly(3L);
    }

    private Order deletion(long id, TestDrive drive) {
        return Order.newBuilder()
                .setId(id)
                .setDelete(DeleteShard.newBuilder().setShard(segment.shard(0, drive.drive.id())))
                .build();
    }

    private static Order scrub(long id) {
        return Order.newBuilder()
                .setId(id)
                .setScrub(ScrubDrives.getDefaultInstance())
                .build();
    }

    private static HeartbeatReply reply(long appliedIndex, Order... orders) {
        return HeartbeatReply.newBuilder()
                .setAuthority(Authority.newBuilder()
                        .setGeneration(1)
                        .setTerm(1)
                        .setAppliedIndex(appliedIndex))
                .addAllOrders(List.of(orders))
                .build();
    }

    private void runAll(TestDrive drive) {
        do {
            drive.run();
            runLoop();
        } while (tasksOf(drive) > 0);
    }

    private void runLoop() {
        transport.runFor(1);
    }

    private static int tasksOf(TestDrive drive) {
        return drive.writer.size();
    }
}
