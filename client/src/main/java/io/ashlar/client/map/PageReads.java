package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapPageFormat;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CompletableFuture;

/** Reads pages and holds each to the CRC that its parent has for it. */
final class PageReads {
    private PageReads() {}

    /** The pages, owned by the caller; whatever fails its check is never returned. */
    static CompletableFuture<Buffer> checked(MapStore store, PagePlace place, int[] crcs) {
        return store.read(place, crcs).thenCompose(buffer -> {
            AshlarException.Corrupt wrong = check(buffer, place, crcs);
            if (wrong == null) {
                return CompletableFuture.completedFuture(buffer);
            }
            buffer.release();
            return CompletableFuture.failedFuture(wrong);
        });
    }

    private static AshlarException.@Nullable Corrupt check(
            Buffer buffer, PagePlace place, int[] crcs) {
        if (buffer.sizeBytes() != crcs.length * MapPageFormat.PAGE_BYTES) {
            return new AshlarException.Corrupt("reading " + crcs.length + " pages of the map at "
                    + place + " gave " + buffer.sizeBytes() + " bytes");
        }
        for (int i = 0; i < crcs.length; i++) {
            long at = (long) i * MapPageFormat.PAGE_BYTES;
            int found = Crc32c.of(buffer.segment(), at, MapPageFormat.PAGE_BYTES);
            if (found != crcs[i]) {
                return new AshlarException.Corrupt(String.format(
                        "the page of the map at %s has CRC32C %08x, expected %08x: restore the"
                                + " volume from a backup",
                        place.plus(i), found, crcs[i]));
            }
        }
        return null;
    }

    /** A page of the buffer, copied. */
    static byte[] page(Buffer buffer, int index) {
        byte[] page = new byte[MapPageFormat.PAGE_BYTES];
        MemorySegment.copy(
                buffer.segment(),
                ValueLayout.JAVA_BYTE,
                (long) index * MapPageFormat.PAGE_BYTES,
                page,
                0,
                page.length);
        return page;
    }
}
