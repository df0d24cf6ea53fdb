package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.Volume.VerifyReport;
import io.ashlar.tools.output.Progress;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.util.LinkedHashMap;
import java.util.Map;

@Command(
        name = "verify",
        description =
                "Read every live block's stripe and prove that every cell is present and right.")
final class VolumeVerify extends Leaf {
    private static final int PROBLEMS_SHOWN = 50;

    @Parameters(paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private String name;

    @Option(
            names = "--every-pattern",
            description = "and that any k cells of each decode to the others")
    private boolean everyPattern;

    @Override
    int run() throws Exception {
        long start = System.nanoTime();
        VerifyReport report;
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name);
                Progress progress = console().progress("verify " + name, volume.sizeBytes())) {
            report = volume.verify(everyPattern, progress::reached);
        }
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("volume", name);
            object.put("cellsChecked", report.cellsChecked());
            object.put("problems", report.problems());
            console().json(object);
        }
        report.problems().stream().limit(PROBLEMS_SHOWN).forEach(console()::line);
        if (report.problems().size() > PROBLEMS_SHOWN) {
            console().line("... and " + (report.problems().size() - PROBLEMS_SHOWN) + " more");
        }
        if (!report.problems().isEmpty()) {
            throw new CommandFailed(report.problems().size() + " of " + report.cellsChecked()
                    + " cells of " + name + " are missing or wrong: repair them (ashlar scrub start"
                    + " --wait, then ashlar repair start --wait)");
        }
        console()
                .line("verified " + report.cellsChecked() + " cells of " + name + " in "
                        + Sizes.seconds(System.nanoTime() - start)
                        + ": every one is present and right"
                        + (everyPattern ? ", every pattern of k cells decodes" : ""));
        return CommandTree.DONE;
    }
}
