package io.ashlar.bench.command;

import io.ashlar.tools.command.Group;

import picocli.CommandLine.Command;

@Command(
        name = "bench",
        description = "How fast this machine and this cluster are.",
        subcommands = {
            EncodeCommand.class,
            IoCommand.class,
            MapCommand.class,
            OpenCommand.class,
            StallCommand.class
        })
final class BenchCommand extends Group {}
