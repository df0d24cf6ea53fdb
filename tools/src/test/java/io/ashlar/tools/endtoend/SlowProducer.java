package io.ashlar.tools.endtoend;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.CountDownLatch;

/** A stream whose bytes are there only when it is told to produce them. */
final class SlowProducer extends InputStream {
    private final InputStream bytes;
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch producing = new CountDownLatch(1);

    SlowProducer(byte[] bytes) {
        this.bytes = new ByteArrayInputStream(bytes);
    }

    /** Waits until somebody wants the first byte. */
    void awaitReader() throws InterruptedException {
        asked.await();
    }

    void produce() {
        producing.countDown();
    }

    @Override
    public int read() throws IOException {
        awaitProducing();
        return bytes.read();
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        awaitProducing();
        return bytes.read(target, offset, length);
    }

    private void awaitProducing() throws IOException {
        asked.countDown();
        try {
            producing.await();
        } catch (InterruptedException e) {
            throw new InterruptedIOException("nobody told it to produce");
        }
    }
}
