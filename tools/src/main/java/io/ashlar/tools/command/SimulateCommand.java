package io.ashlar.tools.command;

import io.ashlar.tools.simulate.FaultKind;
import io.ashlar.tools.simulate.Report;
import io.ashlar.tools.simulate.Simulation;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

@Command(
        name = "simulate",
        description = {
            "Runs whole clusters in one thread, each from a seed, with all that can go wrong.",
            "Exit code 0 only if every seed held; a seed that did not is printed with its replay."
        })
final class SimulateCommand extends Leaf {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,18})\\.\\.(\\d{1,18})");
    private static final double NANOS_PER_SECOND = 1e9;

    @Option(
            names = "--seeds",
            paramLabel = "A..B",
            description = "the seeds to run (default: ${DEFAULT-VALUE})",
            defaultValue = "1..20")
    private String seeds = "1..20";

    @Option(
            names = "--minutes",
            paramLabel = "N",
            description = "begin no other seed after so long (default: no limit)")
    private int minutes;

    @Option(
            names = "--replay",
            paramLabel = "SEED",
            description = "run this one again and print all that happens in it")
    private @Nullable Long replay;

    @Option(
            names = "--beyond",
            description = {
                "in the end of each run, destroy more than can be survived, or have an operator give",
                "up a dead writer's last writes: exactly what is lost has to be reported, and nothing",
                "else may be read"
            })
    private boolean beyond;

    private final Map<String, Long> kernels = new TreeMap<>();
    private long lostStripes;
    private long unreadableBlocks;
    private long lostWrites;
    private final Map<FaultKind, Long> faults = new EnumMap<>(FaultKind.class);
    private long ran;
    private long failed;
    private long operations;
    private long faultCount;
    private long messagesLost;
    private long leaders;
    private long virtualNanos;
    private long cpuNanos;

    @Override
    protected int run() {
        if (replay != null) {
            take(run(replay, !console().isJson()));
        } else {
            runAll();
        }
        summarize();
        return failed == 0 ? CommandTree.DONE : CommandTree.FAILED;
    }

    private void runAll() {
        Matcher range = RANGE.matcher(seeds);
        if (!range.matches()) {
            throw new ParameterException(
                    spec().commandLine(), "--seeds is \"" + seeds + "\": expected A..B");
        }
        long last = Long.parseLong(range.group(2));
        long endNanos = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
        for (long seed = Long.parseLong(range.group(1)); seed <= last; seed++) {
            if (minutes > 0 && ran > 0 && System.nanoTime() - endNanos >= 0) {
                console().line("the time is over: seeds from " + seed + " on were not run");
                return;
            }
            take(run(seed, false));
        }
    }

    private Report run(long seed, boolean printing) {
        return beyond
                ? Simulation.runBeyond(seed, console().out(), printing)
                : Simulation.run(seed, console().out(), printing);
    }

    private void take(Report report) {
        ran++;
        kernels.merge(report.kernel(), 1L, Long::sum);
        lostStripes += report.lostStripes();
        unreadableBlocks += report.unreadableBlocks();
        lostWrites += report.lostWrites();
        operations += report.operations();
        messagesLost += report.messagesLost();
        leaders += report.leaders();
        virtualNanos += report.virtualNanos();
        cpuNanos += report.cpuNanos();
        report.faults().forEach((kind, count) -> {
            faults.merge(kind, (long) count, Long::sum);
            faultCount += count;
        });
        if (!report.holds()) {
            failed++;
            tellFailure(report);
        }
        if (console().isJson()) {
            console().json(json(report));
        }
    }

    private void tellFailure(Report report) {
        if (!console().isJson()) {
            report.lastLines().forEach(console()::line);
            console()
                    .line("the last " + report.lastLines().size() + " events of seed "
                            + report.seed() + " are above");
        }
        console()
                .error("seed " + report.seed() + " violates \"" + report.invariant() + "\": "
                        + report.what() + "; replay it: ashlar simulate "
                        + (beyond ? "--beyond " : "") + "--replay " + report.seed());
    }

    private static Map<String, Object> json(Report report) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("seed", report.seed());
        json.put("holds", report.holds());
        json.put("invariant", report.invariant());
        json.put("what", report.what());
        json.put("operations", report.operations());
        json.put("virtualSeconds", report.virtualNanos() / NANOS_PER_SECOND);
        json.put("cpuSeconds", report.cpuNanos() / NANOS_PER_SECOND);
        json.put("faults", report.faults());
        json.put("messagesLost", report.messagesLost());
        json.put("kernel", report.kernel());
        json.put("lostStripes", report.lostStripes());
        json.put("unreadableBlocks", report.unreadableBlocks());
        json.put("lostWrites", report.lostWrites());
        json.put("traceDigest", report.digest());
        return json;
    }

    private void summarize() {
        if (console().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("seeds", ran);
            json.put("failed", failed);
            json.put("operations", operations);
            json.put("faults", faultCount);
            json.put("faultsByKind", faults);
            json.put("messagesLost", messagesLost);
            json.put("leaders", leaders);
            json.put("seedsByKernel", kernels);
            json.put("lostStripes", lostStripes);
            json.put("unreadableBlocks", unreadableBlocks);
            json.put("lostWrites", lostWrites);
            json.put("virtualSeconds", virtualNanos / NANOS_PER_SECOND);
            json.put("cpuSeconds", cpuNanos / NANOS_PER_SECOND);
            console().json(json);
            return;
        }
        console()
                .line(String.format(
                        Locale.ROOT,
                        "%d seeds, %d failed: %d operations, %d faults, %d messages lost, %d leaders;"
                                + " %.0f s simulated in %.1f s of one processor",
                        ran,
                        failed,
                        operations,
                        faultCount,
                        messagesLost,
                        leaders,
                        virtualNanos / NANOS_PER_SECOND,
                        cpuNanos / NANOS_PER_SECOND));
        console().line("faults: " + faults);
        console().line("seeds by kernel: " + kernels);
        if (beyond) {
            console()
                    .line("destroyed beyond what can be survived: " + lostStripes
                            + " stripes, given up by an operator: " + lostWrites
                            + " writes, unreadable for it: " + unreadableBlocks + " blocks");
        }
    }
}
