package io.ashlar.tools.output;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

import java.io.PrintStream;

/** A bar on a terminal. */
final class BarProgress implements Progress {
    private static final int WIDTH = 90;
    private static final int UPDATE_MILLIS = 200;
    private static final long MIB = 1024 * 1024;

    private final ProgressBar bar;

    BarProgress(PrintStream terminal, String task, long totalBytes) {
        bar = new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(Math.max(totalBytes, 1))
                .setUnit(" MiB", MIB)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(UPDATE_MILLIS)
                .setConsumer(new ConsoleProgressBarConsumer(terminal, WIDTH))
                .showSpeed()
                .build();
    }

    @Override
    public void reached(long doneBytes) {
        bar.stepTo(doneBytes);
    }

    @Override
    public void close() {
        bar.close();
    }
}
