package io.ashlar.tools;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.spi.ContextAwareBase;

import org.slf4j.Logger;

/**
 * Sets logging up in code: no configuration file is parsed at start-up. Servers log to standard
 * error from INFO on. Commands log nothing (what a person needs to know is printed) unless {@code
 * ASHLAR_LOG} names a level.
 */
@ConfiguratorRank(value = ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class LogConfigurator extends ContextAwareBase implements Configurator {
    /** The level unless the environment names one. */
    private static final String LEVEL_PROPERTY = "ashlar.log";

    private static final String PATTERN =
            "%date{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0} %message%n%ex";

    /** For servers, before anything logs. */
    public static void enableByDefault() {
        System.setProperty(LEVEL_PROPERTY, "INFO");
    }

    @Override
    public ExecutionStatus configure(LoggerContext context) {
        String named = System.getenv("ASHLAR_LOG");
        Level level = Level.toLevel(
                named == null ? System.getProperty(LEVEL_PROPERTY, "OFF") : named, Level.INFO);
        Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        ((ch.qos.logback.classic.Logger) root).setLevel(level);
        if (level == Level.OFF) {
            return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
        }
        var encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern(PATTERN);
        encoder.start();
        var appender = new ConsoleAppender<ILoggingEvent>();
        appender.setContext(context);
        appender.setTarget("System.err");
        appender.setEncoder(encoder);
        appender.start();
        ((ch.qos.logback.classic.Logger) root).addAppender(appender);
        quieten(context, level);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** Libraries say much at INFO that is none of an operator's business. */
    private static void quieten(LoggerContext context, Level level) {
        if (level.isGreaterOrEqual(Level.INFO)) {
            context.getLogger("org.apache.ratis").setLevel(Level.WARN);
            context.getLogger("io.netty").setLevel(Level.WARN);
            // What strangers send to the Raft port: a stack trace for every byte of it.
            context.getLogger("org.apache.ratis.netty").setLevel(Level.OFF);
            context.getLogger("org.apache.ratis.thirdparty").setLevel(Level.OFF);
        }
    }
}
