package io.ashlar.bench.command;

import io.ashlar.bench.CodeShape;
import io.ashlar.bench.KernelBaseline;
import io.ashlar.bench.KernelReport;
import io.ashlar.bench.Operation;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandTree;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

@Command(
        name = "encode",
        description = "The coding kernels, on one thread, beside ISA-L called from C where gcc and"
                + " ISA-L's headers are installed.")
final class EncodeCommand extends Benchmark {
    private static final List<Integer> USUAL_CELL_BYTES = List.of(64 << 10, 1 << 20);
    private static final int SAMPLE_MILLIS = 20;
    private static final int MAX_ROUNDS = 1000;

    @Option(
            names = "--policy",
            defaultValue = "rs-4-2",
            paramLabel = "POLICY",
            description = "rs-K-M (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Policy policy;

    @Option(
            names = "--cell",
            paramLabel = "SIZE",
            description = "bytes of a cell, a multiple of 4096 up to 4M (default: 64K, then 1M)")
    private @Nullable ByteCount cell;

    @Option(
            names = "--rounds",
            defaultValue = "15",
            paramLabel = "N",
            description = "samples that a figure is the median of (default ${DEFAULT-VALUE})")
    private int rounds;

    @Override
    protected int run() throws Exception {
        KernelBaseline.Options options = options();
        describe();
        console().line("measuring, about half a minute a cell size ...");
        KernelReport report = KernelBaseline.measure(options);
        console().line(report.toTable().stripTrailing());
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("configuration", configuration(options));
            object.putAll(report.toJson());
            json(object);
        }
        return CommandTree.DONE;
    }

    private static Map<String, Object> configuration(KernelBaseline.Options options) {
        return Map.of(
                "policies",
                options.shapes().stream().map(CodeShape::toString).toList(),
                "cellBytes",
                options.cellBytes(),
                "roundCount",
                options.roundCount(),
                "sampleMillis",
                options.sampleMillis());
    }

    private KernelBaseline.Options options() {
        try {
            if (rounds < 1 || rounds > MAX_ROUNDS) {
                throw new IllegalArgumentException(
                        "--rounds " + rounds + ": expected 1 to " + MAX_ROUNDS);
            }
            return new KernelBaseline.Options(
                    List.of(Operation.values()),
                    List.of(new CodeShape(policy.k(), policy.m())),
                    cell == null ? USUAL_CELL_BYTES : List.of(cellBytes(cell.bytes())),
                    Kernel.available(),
                    rounds,
                    SAMPLE_MILLIS);
        } catch (IllegalArgumentException reason) {
            throw misuse(String.valueOf(reason.getMessage()));
        }
    }

    private static int cellBytes(long bytes) {
        if (bytes < Stripe.PIECE_BYTES
                || bytes % Stripe.PIECE_BYTES != 0
                || bytes > CellFormat.MAX_CELL_BYTES) {
            throw new IllegalArgumentException("--cell " + bytes
                    + ": expected a multiple of 4096 up to " + CellFormat.MAX_CELL_BYTES);
        }
        return (int) bytes;
    }
}
