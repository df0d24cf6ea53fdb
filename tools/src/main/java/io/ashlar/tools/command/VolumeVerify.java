package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.VerifyReport;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
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
                "Read every stripe of live blocks or the map; prove each cell present and right.")
final class VolumeVerify extends Leaf {
    @Parameters(paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Option(
            names = "--every-pattern",
            description = "and that any k cells of each decode to the others")
    private boolean everyPattern;

    @Override
    protected int run() throws Exception {
        long start = System.nanoTime();
        VerifyReport report;
        requireVolume(name);
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name.text(), OpenOptions.forProcess("verify"));
                Progress progress = console().progress("verify " + name, volume.sizeBytes())) {
            report = volume.verify(everyPattern, progress::reached);
        }
        show(report);
        if (!report.isClean()) {
            throw new CommandFailed(report.damagedCells() + " cells of " + name
                    + " are missing, unreachable or wrong, " + report.lostBlocks()
                    + " blocks are lost:"
                    + " ashlar scrub start --wait, then ashlar repair start --wait");
        }
        console()
                .line("verified " + report.cells() + " cells in " + report.stripes()
                        + " stripes of "
                        + name + " in " + Sizes.seconds(System.nanoTime() - start)
                        + ": every one is present and right"
                        + (everyPattern ? ", " + report.patterns() + " patterns decode" : ""));
        return CommandTree.DONE;
    }

    private void show(VerifyReport report) {
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("volume", name.text());
            object.put("stripes", report.stripes());
            object.put("cells", report.cells());
            object.put("damagedCells", report.damagedCells());
            object.put("lostBlocks", report.lostBlocks());
            object.put("bytes", report.bytes());
            object.put("patterns", report.patterns());
            object.put("problems", report.problems());
            console().json(object);
        }
        report.problems().forEach(console()::line);
        if (report.damagedCells() > report.problems().size()) {
            console().line("... of " + report.damagedCells() + " in all");
        }
    }
}
