package io.ashlar.client.fake;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.CellBytes;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.FenceShard;
import io.ashlar.client.protocol.Headers;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Range;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardFenced;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A storage node's contract (node.proto), in memory. What it stores survives a restart. */
final class FakeNode {
    private final Map<ShardRef, FakeShard> shards = new HashMap<>();
    private boolean up = true;
    private int starts;

    /** What a node keeps of one shard. */
    static final class FakeShard {
        final int startOfCreation;
        final NavigableMap<Long, byte[]> records = new TreeMap<>();
        final long capacityBytes;
        long fence;

        FakeShard(int startOfCreation, long capacityBytes) {
            this.startOfCreation = startOfCreation;
            this.capacityBytes = capacityBytes;
        }
    }

    boolean isUp() {
        return up;
    }

    void kill() {
        up = false;
    }

    void start() {
        up = true;
        starts++;
    }

    int recordCount() {
        return shards.values().stream().mapToInt(shard -> shard.records.size()).sum();
    }

    long recordBytes() {
        return shards.values().stream()
                .flatMap(shard -> shard.records.values().stream())
                .mapToLong(record -> record.length)
                .sum();
    }

    /** Flips a bit of one record's cell or header, if it has any. */
    boolean rot(long choice, int bit) {
        List<byte[]> all = shards.values().stream()
                .flatMap(shard -> shard.records.values().stream())
                .toList();
        if (all.isEmpty()) {
            return false;
        }
        byte[] record = all.get((int) Math.floorMod(choice, (long) all.size()));
        record[Math.floorMod(bit / 8, record.length)] ^= (byte) (1 << Math.floorMod(bit, 8));
        return true;
    }

    void eraseFirstRecords() {
        shards.values().forEach(shard -> shard.records.remove(0L));
    }

    void contradictFirstPieces() {
        shards.values()
                .forEach(shard -> shard.records.replaceAll(
                        (offset, record) -> FakeRecords.contradicting(record)));
    }

    void rotLastRecords() {
        for (FakeShard shard : shards.values()) {
            if (!shard.records.isEmpty()) {
                byte[] record = shard.records.lastEntry().getValue();
                record[record.length - 1] ^= 1;
            }
        }
    }

    /** Whatever it has of a segment. */
    void delete(Id segment) {
        shards.keySet().removeIf(shard -> shard.getSegment().equals(segment));
    }

    /** Gives a shard up. */
    FakeShard take(ShardRef ref) {
        FakeShard shard = shards.remove(ref);
        if (shard == null) {
            throw new IllegalArgumentException("no such shard: " + ref);
        }
        return shard;
    }

    void adopt(FakeShard shard, ShardRef as) {
        shards.put(as, shard);
    }

    Transport.Answer handle(Request request, Buffer bulk) throws AshlarException {
        return switch (request.getBodyCase()) {
            case CREATE_SHARD -> create(request.getCreateShard());
            case APPEND_CELL -> append(request.getAppendCell(), bulk);
            case READ_CELL -> read(request.getReadCell());
            case FENCE_SHARD -> fence(request.getFenceShard());
            case READ_HEADERS -> readHeaders(request.getReadHeaders());
            default -> throw new AshlarException.Invalid("not served: " + request.getBodyCase());
        };
    }

    private FakeShard shard(ShardRef ref) throws AshlarException {
        FakeShard shard = shards.get(ref);
        if (shard == null) {
            throw new AshlarException.NotFound("no such shard");
        }
        return shard;
    }

    private Transport.Answer create(CreateShard create) {
        shards.putIfAbsent(create.getShard(), new FakeShard(starts, create.getShardBytes()));
        return done();
    }

    private static Transport.Answer done() {
        Response response =
                Response.newBuilder().setDone(Done.getDefaultInstance()).build();
        return new Transport.Answer(response, Buffer.empty());
    }

    private Transport.Answer append(AppendCell append, Buffer bulk) throws AshlarException {
        FakeShard shard = shard(append.getShard());
        if (append.getEpoch() < shard.fence) {
            throw new AshlarException.Fenced("below the fence");
        }
        if (!append.getRecovery() && shard.startOfCreation != starts) {
            throw new AshlarException.Fenced("restarted: only recovery may append");
        }
        byte[] record = bulk.segment().toArray(ValueLayout.JAVA_BYTE);
        byte[] present = shard.records.get(append.getOffset());
        if (present != null && !append.getRecovery() && !Arrays.equals(present, record)) {
            throw new AshlarException.Invalid("another record is there");
        }
        shard.records.put(append.getOffset(), record);
        return done();
    }

    private void raise(FakeShard shard, long epoch) throws AshlarException {
        if (epoch != 0) {
            if (epoch < shard.fence) {
                throw new AshlarException.Fenced("below the fence");
            }
            shard.fence = epoch;
        }
    }

    private Transport.Answer fence(FenceShard fence) throws AshlarException {
        FakeShard shard = shard(fence.getShard());
        raise(shard, fence.getEpoch());
        return new Transport.Answer(
                Response.newBuilder()
                        .setShardFenced(ShardFenced.newBuilder().setHighestEpoch(shard.fence))
                        .build(),
                Buffer.empty());
    }

    private Transport.Answer read(ReadCell read) throws AshlarException {
        FakeShard shard = shard(read.getShard());
        raise(shard, read.getEpoch());
        byte[] record = shard.records.get(read.getOffset());
        if (record == null) {
            throw new AshlarException.NotFound("no record at " + read.getOffset());
        }
        CellFormat.Cell cell = CellFormat.read(MemorySegment.ofArray(record));
        if (cell == null) {
            throw new AshlarException.Corrupt("the record's header is damaged");
        }
        int headerBytes = cell.stripe().geometry().headerBytes();
        int from = headerBytes + read.getFirstPiece() * 4096;
        int length = read.getPieceCount() * 4096;
        int head = read.getHeader() ? headerBytes : 0;
        Buffer bulk = Buffer.allocate(head + length);
        MemorySegment bytes = MemorySegment.ofArray(record);
        MemorySegment.copy(bytes, 0, bulk.segment(), 0, head);
        MemorySegment.copy(bytes, from, bulk.segment(), head, length);
        Response response = Response.newBuilder()
                .setCellBytes(CellBytes.newBuilder().setHeaderBytes(head))
                .build();
        return new Transport.Answer(response, bulk);
    }

    private Transport.Answer readHeaders(ReadHeaders read) throws AshlarException {
        FakeShard shard = shard(read.getShard());
        raise(shard, read.getEpoch());
        Headers.Builder headers = Headers.newBuilder().setNextOffset(shard.capacityBytes);
        Buffer bulk = Buffer.allocate(shard.records.size() * CellFormat.MAX_HEADER_BYTES);
        int at = 0;
        for (var entry : shard.records.tailMap(read.getFromOffset()).entrySet()) {
            byte[] record = entry.getValue();
            CellFormat.Cell cell = CellFormat.read(MemorySegment.ofArray(record));
            if (cell == null || (read.getVerifyCells() && !FakeRecords.isWhole(cell, record))) {
                headers.addUnknown(Range.newBuilder().setOffset(entry.getKey()).setLength(4096));
                continue;
            }
            int headerBytes = cell.stripe().geometry().headerBytes();
            MemorySegment.copy(MemorySegment.ofArray(record), 0, bulk.segment(), at, headerBytes);
            at += headerBytes;
            if (at >= read.getMaxBytes()) {
                headers.setNextOffset(cell.stripe().endOffset());
                break;
            }
        }
        Buffer used = bulk.slice(0, at);
        bulk.release();
        return new Transport.Answer(Response.newBuilder().setHeaders(headers).build(), used);
    }
}
