package io.ashlar.node;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** This machine: its file system, and a platform thread or a few for each drive. */
public final class MachinePlatform implements NodePlatform {
    private static final Logger log = LoggerFactory.getLogger(MachinePlatform.class);
    private static final long STOP_SECONDS = 30;

    private final SecureRandom random = new SecureRandom();
    private final List<ThreadPoolExecutor> readers = new ArrayList<>();
    private final List<ThreadPoolExecutor> driveThreads = new ArrayList<>();

    @Override
    public DriveDirectory directory(String path) throws IOException {
        return FileDriveDirectory.of(Path.of(path));
    }

    @Override
    public Executor driveThread(String path) {
        ThreadPoolExecutor pool = pool("drive " + path, 1);
        driveThreads.add(pool);
        return pool;
    }

    @Override
    public Executor readers(String path, int threads) {
        ThreadPoolExecutor pool = pool("reader " + path, threads);
        readers.add(pool);
        return pool;
    }

    /** What may wait is up to {@link Drive}; once closed, what is still asked of it is dropped. */
    private static ThreadPoolExecutor pool(String name, int threads) {
        ThreadFactory factory = Thread.ofPlatform()
                .daemon()
                .name(name + " ", 0)
                .uncaughtExceptionHandler((thread, bug) ->
                        log.error("thread=\"{}\" a task ended by a bug", thread.getName(), bug))
                .factory();
        return new ThreadPoolExecutor(
                threads,
                threads,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                factory,
                new ThreadPoolExecutor.DiscardPolicy());
    }

    @Override
    public RandomGenerator random() {
        return random;
    }

    @Override
    public void close() {
        readers.forEach(MachinePlatform::stop);
        driveThreads.forEach(MachinePlatform::stop);
    }

    private static void stop(ThreadPoolExecutor pool) {
        pool.shutdown();
        try {
            if (!pool.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
                log.warn("a drive did not finish within {} s: its stop is not clean", STOP_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
