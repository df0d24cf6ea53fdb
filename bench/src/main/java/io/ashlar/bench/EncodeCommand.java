package io.ashlar.bench;

import io.ashlar.client.model.Policy;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.BenchLeaf;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandFailed;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.util.List;

/** {@code ashlar bench encode}. */
@Command(
        name = "encode",
        description =
                "Coding speed of every kernel here, beside ISA-L called from C where gcc is there.")
public final class EncodeCommand extends BenchLeaf {
    private static final int ROUNDS = 9;
    private static final int SAMPLE_MILLIS = 20;
    private static final long MAX_CELL_BYTES = 16L << 20;

    @Option(
            names = "--policy",
            paramLabel = "POLICY",
            description = "rs-K-M (default: rs-4-2, rs-6-3, rs-8-3, rs-10-4)")
    private @Nullable String policy;

    @Option(
            names = "--cell",
            paramLabel = "SIZE",
            description = "of a cell (default: 64K and 1M); a multiple of 4096")
    private @Nullable ByteCount cell;

    @Override
    protected int run() throws Exception {
        List<String> policies = policy == null
                ? List.of("rs-4-2", "rs-6-3", "rs-8-3", "rs-10-4")
                : List.of(Policy.parse(policy).toString());
        if (cell != null
                && (cell.bytes() < 4096
                        || cell.bytes() % 4096 != 0
                        || cell.bytes() > MAX_CELL_BYTES)) {
            throw new CommandFailed("--cell is " + cell.bytes()
                    + ", expected a multiple of 4096 up to " + MAX_CELL_BYTES);
        }
        List<Integer> cells =
                cell == null ? List.of(64 << 10, 1 << 20) : List.of(Math.toIntExact(cell.bytes()));
        KernelReport report = KernelBaseline.measure(new KernelBaseline.Options(
                List.of(Operation.values()),
                policies.stream().map(CodeShape::of).toList(),
                cells,
                Kernel.available(),
                ROUNDS,
                SAMPLE_MILLIS));
        console().line(report.toTable().stripTrailing());
        if (console().isJson()) {
            console()
                    .out()
                    .println(report.toJson().replaceAll("\\s*\\R\\s*", " ").strip());
        }
        return 0;
    }
}
