package io.ashlar.tools.command;

import picocli.CommandLine.Command;

@Command(name = "bench", description = "Measure, and verify what was measured.")
final class BenchCommand extends Group {}
