package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.util.Map;

@Command(
        name = "recover",
        description =
                "Give up, on record, the last writes of a volume that cannot be opened because"
                        + " nobody can tell whether they were acknowledged. What is given up is lost, also"
                        + " where its nodes come back: reads of it fail where any record tells of it,"
                        + " and show what was there before where none does. Where no node of a"
                        + " segment answers, make sure first that the volume's last writer does not"
                        + " run any more: what it acknowledges there is lost too.")
final class VolumeRecover extends Leaf {
    @Parameters(paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Option(
            names = "--accept-loss",
            description = "without it nothing is given up, and what blocks the volume is told")
    private boolean acceptLoss;

    @Override
    protected int run() throws Exception {
        requireVolume(name);
        OpenOptions options = OpenOptions.forProcess("recover");
        long lost;
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume =
                        client.open(name.text(), acceptLoss ? options.givingUp() : options)) {
            lost = volume.stats().lostBlocks();
        }
        console()
                .line(name + " can be opened; "
                        + (lost == 0
                                ? "no block is known to be lost"
                                : lost + " blocks are lost, and reads of them fail")
                        + (acceptLoss ? "; `ashlar events` tells what was given up unseen" : ""));
        if (console().isJson()) {
            console().json(Map.of("volume", name.text(), "lostBlocks", lost));
        }
        return CommandTree.DONE;
    }
}
