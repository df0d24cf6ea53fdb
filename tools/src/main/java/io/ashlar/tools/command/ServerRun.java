package io.ashlar.tools.command;

import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;
import io.ashlar.tools.LogConfigurator;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/**
 * A server in the foreground, for systemd, containers and {@code ashlar up}: serves until it is asked
 * to end (SIGTERM, SIGINT), then stops cleanly and exits with 0.
 */
@Command
abstract class ServerRun extends Leaf {
    @Option(
            names = "--config",
            required = true,
            paramLabel = "FILE",
            description = "key = value lines")
    @SuppressWarnings("NullAway.Init")
    private Path file;

    /** Starts the server over the transport; what stops it. */
    abstract AutoCloseable start(Path configuration, Transport transport) throws Exception;

    /** Event loops of the transport. */
    abstract int threads();

    @Override
    protected final int run() throws Exception {
        requireFile(file);
        LogConfigurator.enableByDefault();
        Logger log = LoggerFactory.getLogger("io.ashlar.tools.Server");
        Transport transport = new NettyTransport("ashlar", threads());
        AutoCloseable server;
        try {
            server = start(file, transport);
        } catch (CharacterCodingException e) {
            transport.close();
            throw new CommandFailed(file + " is no configuration: it is not text");
        } catch (Exception e) {
            transport.close();
            throw e;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, log), "ashlar-stop"));
        new CountDownLatch(1).await();
        throw new IllegalStateException("a server ended by itself");
    }

    private static void stop(AutoCloseable server, Logger log) {
        int exitCode = CommandTree.DONE;
        try {
            server.close();
        } catch (Exception e) {
            log.error("event=unclean_stop", e);
            exitCode = CommandTree.FAILED;
        }
        // The system closes the connections. Without this the exit code would be the signal's.
        Runtime.getRuntime().halt(exitCode);
    }
}
