package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardList;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardVerified;
import io.ashlar.client.protocol.VerifyShard;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import java.util.function.Function;

/** Answers what clients and other nodes ask of a storage node. */
final class NodeService implements Transport.Service {
    private final Drives drives;

    NodeService(Drives drives) {
        this.drives = drives;
    }

    @Override
    public void handle(Request request, Buffer bulk, Transport.Responder responder) {
        if (request.getBodyCase() == Request.BodyCase.APPEND_CELL) {
            append(request.getAppendCell(), bulk, responder);
            return;
        }
        bulk.release();
        try {
            dispatch(request, responder);
        } catch (AshlarException e) {
            responder.fail(e);
        }
    }

    private void append(AppendCell append, Buffer record, Transport.Responder responder) {
        Drive drive;
        try {
            drive = drives.of(append.getShard());
        } catch (AshlarException e) {
            record.release();
            responder.fail(e);
            return;
        }
        drive.append(append, record, done(responder));
    }

    private void dispatch(Request request, Transport.Responder responder) throws AshlarException {
        switch (request.getBodyCase()) {
            case CREATE_SHARD -> create(request.getCreateShard(), responder);
            case READ_CELL ->
                drives.of(request.getReadCell().getShard())
                        .reads()
                        .read(request.getReadCell(), bulk(responder));
            case READ_HEADERS ->
                drives.of(request.getReadHeaders().getShard())
                        .reads()
                        .readHeaders(request.getReadHeaders(), bulk(responder));
            case FENCE_SHARD -> {
                ShardRef shard = request.getFenceShard().getShard();
                Completion<ShardFenced> fenced = answer(
                        responder,
                        answer -> Response.newBuilder().setShardFenced(answer).build());
                drives.of(shard).fence(shard, request.getFenceShard().getEpoch(), fenced);
            }
            case VERIFY_SHARD -> verify(request.getVerifyShard(), responder);
            case LIST_SHARDS ->
                responder.reply(Response.newBuilder()
                        .setShardList(ShardList.newBuilder()
                                .addAllShards(drives.shardStates(
                                        request.getListShards().getDrive())))
                        .build());
            default ->
                throw new AshlarException.Invalid(
                        "this is the port of a storage node, which does not serve "
                                + request.getBodyCase() + ": name a coordinator's port");
        }
    }

    private void create(CreateShard create, Transport.Responder responder) throws AshlarException {
        ShardRef shard = create.getShard();
        drives.of(shard)
                .create(
                        DriveId.of(shard.getDrive()),
                        ShardEntry.of(create),
                        false,
                        done(responder));
    }

    private void verify(VerifyShard verify, Transport.Responder responder) throws AshlarException {
        Completion<ShardVerified> verified = answer(
                responder,
                answer -> Response.newBuilder().setShardVerified(answer).build());
        drives.of(verify.getShard())
                .reads()
                .verify(verify.getShard(), verify.getSealedBytes(), verify.getCells(), verified);
    }

    private static Completion<Done> done(Transport.Responder responder) {
        return answer(responder, answer -> Response.newBuilder().setDone(answer).build());
    }

    private static <T> Completion<T> answer(
            Transport.Responder responder, Function<T, Response> toResponse) {
        return new Completion<>() {
            @Override
            public void done(T value) {
                responder.reply(toResponse.apply(value));
            }

            @Override
            public void failed(AshlarException cause) {
                responder.fail(cause);
            }
        };
    }

    private static Completion<Reply> bulk(Transport.Responder responder) {
        return new Completion<>() {
            @Override
            public void done(Reply reply) {
                responder.reply(reply.response(), reply.bulk());
            }

            @Override
            public void failed(AshlarException cause) {
                responder.fail(cause);
            }
        };
    }
}
