package io.ashlar.bench.command;

import io.ashlar.tools.command.CommandProvider;

/** Joins {@code ashlar bench} to the command line. */
public final class BenchProvider implements CommandProvider {
    @Override
    public String name() {
        return "bench";
    }

    @Override
    public Object command() {
        return new BenchCommand();
    }
}
