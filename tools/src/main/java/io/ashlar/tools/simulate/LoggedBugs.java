package io.ashlar.tools.simulate;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.core.AppenderBase;

import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

import java.util.concurrent.CompletionException;

/**
 * The bugs that the product logs as errors, and goes on: a server must not hang because one of its answers
 * could not be given. In a simulation none may be, a violation that was found and swallowed among
 * them. What ghosts of dead processes run into does not count.
 */
final class LoggedBugs extends AppenderBase<ILoggingEvent> implements AutoCloseable {
    private final Logger logger;
    private final @Nullable Level before;
    private final Schedule schedule;
    private final Thread thread = Thread.currentThread();
    private @Nullable Throwable first;

    private LoggedBugs(Logger logger, Schedule schedule) {
        this.schedule = schedule;
        this.logger = logger;
        this.before = logger.getLevel();
    }

    /** What this thread logs from now on. */
    static LoggedBugs hear(Schedule schedule) {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        Logger logger = context.getLogger("io.ashlar");
        LoggedBugs bugs = new LoggedBugs(logger, schedule);
        bugs.setContext(context);
        bugs.start();
        if (logger.getEffectiveLevel() == Level.OFF) {
            logger.setLevel(Level.ERROR);
        }
        logger.addAppender(bugs);
        return bugs;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (!Thread.currentThread().equals(thread)
                || first != null
                || !event.getLevel().isGreaterOrEqual(Level.ERROR)
                || schedule.runsAGhost()
                || !(event.getThrowableProxy() instanceof ThrowableProxy proxy)) {
            return;
        }
        Throwable told = proxy.getThrowable();
        while (told instanceof CompletionException && told.getCause() != null) {
            told = told.getCause();
        }
        if (told instanceof RuntimeException || told instanceof Error) {
            first = told;
        }
    }

    /** The first one is a violation. */
    void demandNone() {
        if (first != null) {
            throw new Violation("no bugs", String.valueOf(first), first);
        }
    }

    @Override
    public void close() {
        logger.detachAppender(this);
        logger.setLevel(before);
        stop();
    }
}
