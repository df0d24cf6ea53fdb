package io.ashlar.client.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.EventList;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

class NettyTransportTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Request REQUEST = Request.newBuilder()
            .setAppendCell(AppendCell.newBuilder().setOffset(4096).setEpoch(7))
            .build();
    private static final Response DONE =
            Response.newBuilder().setDone(Done.getDefaultInstance()).build();

    private final NettyTransport servers = new NettyTransport("test-server", 1);
    private final NettyTransport clients = new NettyTransport("test-client", 1);
    private final Loop loop = clients.nextLoop();

    @AfterEach
    void close() {
        clients.close();
        servers.close();
    }

    @Test
    void carriesBulkOfEverySizeBothWays() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        Random random = new Random(1);
        for (int size : new int[] {0, 1, 4095, 4096, 100_000, 8 << 20}) {
            byte[] sent = new byte[size];
            random.nextBytes(sent);
            Transport.Answer answer = ask(listener, bufferOf(sent));
            assertThat(answer.response()).isEqualTo(DONE);
            assertThat(answer.bulk().segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(sent);
            answer.bulk().release();
        }
    }

    @Test
    void answersCallsInFlightTogetherEachWithItsOwn() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        List<CompletableFuture<Transport.Answer>> calls = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            byte[] sent = new byte[1 + i];
            sent[i] = (byte) i;
            calls.add(clients.ask(
                    loop, listener.address(), REQUEST, List.of(bufferOf(sent)), 10 * SECOND));
        }
        for (int i = 0; i < calls.size(); i++) {
            Transport.Answer answer = calls.get(i).get(10, TimeUnit.SECONDS);
            assertThat(answer.bulk().sizeBytes()).isEqualTo(1 + i);
            assertThat(answer.bulk().segment().get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) i);
            answer.bulk().release();
        }
    }

    @Test
    void failuresArriveAsTheExceptionTheyWere() throws Exception {
        Transport.Listener listener = listen((request, bulk, responder) -> {
            bulk.release();
            responder.fail(new AshlarException.Fenced("epoch 7 is below the fence 8"));
        });
        assertThatThrownBy(() -> ask(listener, Buffer.empty()))
                .isInstanceOf(AshlarException.Fenced.class)
                .hasMessage("epoch 7 is below the fence 8");
    }

    @Test
    void aServiceThatThrowsAnswersAndLivesOn() throws Exception {
        Transport.Listener listener = listen((request, bulk, responder) -> {
            bulk.release();
            throw new IllegalStateException("a bug");
        });
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> ask(listener, Buffer.empty()))
                    .isInstanceOf(AshlarException.Unavailable.class)
                    .hasMessageContaining("a bug");
        }
    }

    @Test
    void anAnswerTooLongForAFrameIsRefusedAndTheConnectionLivesOn() throws Exception {
        Response endless = Response.newBuilder()
                .setEvents(EventList.newBuilder()
                        .addEvents(Event.newBuilder()
                                .setText("x".repeat(FrameFormat.MAX_HEADER_BYTES))))
                .build();
        List<Response> answers = List.of(endless, DONE, DONE);
        List<Integer> bulkBytes = List.of(0, FrameFormat.MAX_BULK_BYTES + 1, 1);
        AtomicInteger next = new AtomicInteger();
        Transport.Listener listener = listen((request, bulk, responder) -> {
            bulk.release();
            int i = next.getAndIncrement();
            responder.reply(answers.get(i), List.of(Buffer.allocate(bulkBytes.get(i))));
        });
        List<CompletableFuture<Transport.Answer>> calls = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            calls.add(clients.ask(loop, listener.address(), REQUEST, List.of(), 10 * SECOND));
        }
        for (CompletableFuture<Transport.Answer> call : calls.subList(0, 2)) {
            assertThatThrownBy(() -> outcome(call))
                    .isInstanceOf(AshlarException.Invalid.class)
                    .hasMessageContaining("the answer to APPEND_CELL would be a frame of")
                    .hasMessageContaining("ask for less");
        }
        outcome(calls.getLast()).bulk().release();
    }

    @Test
    void aRequestTooLongForAFrameIsRefusedAndTheConnectionLivesOn() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        CompletableFuture<Transport.Answer> before =
                clients.ask(loop, listener.address(), REQUEST, List.of(), 10 * SECOND);
        assertThatThrownBy(() -> ask(listener, Buffer.allocate(FrameFormat.MAX_BULK_BYTES + 1)))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("the request APPEND_CELL would be a frame of");
        outcome(before).bulk().release();
        ask(listener, Buffer.empty()).bulk().release();
    }

    @Test
    void aCallWithoutAnswerEndsWithItsTimeout() throws Exception {
        Transport.Listener listener = listen((request, bulk, responder) -> bulk.release());
        CompletableFuture<Transport.Answer> call =
                clients.ask(loop, listener.address(), REQUEST, List.of(), SECOND / 20);
        assertThatThrownBy(() -> outcome(call))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("did not answer");
    }

    @Test
    void aConnectionThatSwallowsEverythingIsReplacedAfterATimeout() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        try (var way = new SwallowingProxy(listener.address().port())) {
            CompletableFuture<Transport.Answer> swallowed =
                    clients.ask(loop, way.address(), REQUEST, List.of(), SECOND / 5);
            assertThatThrownBy(() -> outcome(swallowed))
                    .isInstanceOf(AshlarException.Unavailable.class)
                    .hasMessageContaining("did not answer");
            outcome(clients.ask(loop, way.address(), REQUEST, List.of(), 10 * SECOND))
                    .bulk()
                    .release();
        }
    }

    /** The participants of a stripe that is placed anew get the cells that others have had a part of. */
    @Test
    void whatWasSentInPartIsWholeWhenItIsSentAgain() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        byte[] bytes = new byte[8 << 20];
        new Random(2).nextBytes(bytes);
        Buffer sent = bufferOf(bytes);
        try (SwallowingProxy proxy = new SwallowingProxy(listener.address().port())) {
            CompletableFuture<Transport.Answer> inPart = clients.ask(
                    loop, proxy.address(), REQUEST, List.of(sent.retain()), 10 * SECOND);
            Transport.Answer answer = ask(listener, sent.retain());
            assertThat(answer.bulk().segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes);
            answer.bulk().release();
            assertThat(inPart).isNotDone();
        }
        sent.release();
    }

    @Test
    void aSlowCallIsAnsweredAlthoughAnotherOneTimedOutMeanwhile() throws Exception {
        List<Transport.Responder> held = new CopyOnWriteArrayList<>();
        Transport.Listener listener = listen((request, bulk, responder) -> {
            bulk.release();
            held.add(responder);
        });
        CompletableFuture<Transport.Answer> slow =
                clients.ask(loop, listener.address(), REQUEST, List.of(), 20 * SECOND);
        CompletableFuture<Transport.Answer> late =
                clients.ask(loop, listener.address(), REQUEST, List.of(), SECOND / 5);
        assertThatThrownBy(() -> outcome(late)).isInstanceOf(AshlarException.Unavailable.class);
        held.forEach(responder -> responder.reply(DONE, List.of()));
        assertThat(outcome(slow).response()).isEqualTo(DONE);
    }

    @Test
    void callsToNobodyFailAndLaterOnesReachWhoCameBack() throws Exception {
        Transport.Listener first =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        Address address = first.address();
        first.close();
        assertThatThrownBy(
                        () -> outcome(clients.ask(loop, address, REQUEST, List.of(), 5 * SECOND)))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("cannot connect");
        servers.listen(address, (request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        Transport.Answer answer =
                outcome(clients.ask(loop, address, REQUEST, List.of(), 5 * SECOND));
        assertThat(answer.response()).isEqualTo(DONE);
        answer.bulk().release();
    }

    @Test
    void garbageAndTruncatedFramesCloseTheirConnectionOnly() throws Exception {
        Transport.Listener listener =
                listen((request, bulk, responder) -> responder.reply(DONE, List.of(bulk)));
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] noise = new byte[10_000];
        random.nextBytes(noise);
        assertThat(closedAfter(listener, noise)).as("seed %d", seed).isTrue();
        assertThat(closedAfter(
                        listener,
                        "GET / HTTP/1.1\r\nHost: ashlar.example\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII)))
                .isTrue();
        sendAndLeave(listener, new byte[] {'A', 'S', 'H', 'F', 1, 1, 0});
        Transport.Answer answer = ask(listener, Buffer.empty());
        assertThat(answer.response()).isEqualTo(DONE);
        answer.bulk().release();
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        Transport.Listener listener = listen((request, bulk, responder) -> bulk.release());
        assertThatThrownBy(() -> servers.listen(
                        listener.address(), (request, bulk, responder) -> bulk.release()))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining(listener.address().toString());
    }

    private Transport.Listener listen(Transport.Service service) throws AshlarException {
        return servers.listen(new Address("127.0.0.1", 0), service);
    }

    private Transport.Answer ask(Transport.Listener listener, Buffer bulk) throws Exception {
        return outcome(clients.ask(loop, listener.address(), REQUEST, List.of(bulk), 10 * SECOND));
    }

    private static Transport.Answer outcome(CompletableFuture<Transport.Answer> call)
            throws Exception {
        try {
            return call.get(20, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw (Exception) e.getCause();
        }
    }

    private static Buffer bufferOf(byte[] bytes) {
        Buffer buffer = Buffer.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, buffer.segment(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        return buffer;
    }

    private static boolean closedAfter(Transport.Listener listener, byte[] bytes)
            throws IOException {
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), listener.address().port())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write(bytes);
            return socket.getInputStream().read() == -1;
        } catch (java.net.SocketException reset) {
            return true;
        }
    }

    private static void sendAndLeave(Transport.Listener listener, byte[] bytes) throws IOException {
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), listener.address().port())) {
            socket.getOutputStream().write(bytes);
        }
    }
}
