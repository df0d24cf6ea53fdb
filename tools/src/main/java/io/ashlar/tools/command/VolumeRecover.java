package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.util.Map;
import java.util.Set;

@Command(
        name = "recover",
        description =
                "Give up, on record, the last writes of a volume that cannot be opened because"
                        + " nobody can tell whether they were acknowledged. What is given up is lost, also"
                        + " where its nodes come back: reads of it fail where any record tells of it,"
                        + " and show what was there before where none does. Where no node of a"
                        + " segment answers, make sure first that the volume's last writer does not"
                        + " run any more: what it acknowledges there is lost too. What was written"
                        + " before is given up only where all nodes that may know of it have said"
                        + " that they have lost it, or are named as gone for good. `ashlar events`"
                        + " tells which blocks are lost, or that any may be, and the status tells of"
                        + " data loss until they are written anew.")
final class VolumeRecover extends Leaf {
    @Parameters(paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Option(
            names = "--accept-loss",
            description = "without it nothing is given up, and what blocks the volume is told")
    private boolean acceptLoss;

    @Option(
            names = "--gone",
            split = ",",
            paramLabel = "NODE",
            description =
                    "a node that will never come back, with --accept-loss: what only such nodes"
                            + " know of is lost, also of what was written long ago")
    private Set<String> gone = Set.of();

    @Override
    protected int run() throws Exception {
        requireVolume(name);
        if (!gone.isEmpty() && !acceptLoss) {
            throw new CommandFailed("--gone gives up what those nodes held: say --accept-loss too");
        }
        OpenOptions options = OpenOptions.forProcess("recover");
        long lost;
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(
                        name.text(),
                        acceptLoss ? options.givingUp().withoutNodes(gone) : options)) {
            lost = volume.stats().lostBlocks();
        }
        console()
                .line(name + " can be opened; "
                        + (lost == 0
                                ? "no block is known to be lost"
                                : lost + " blocks are lost, and reads of them fail")
                        + (acceptLoss ? "; `ashlar events` tells what was given up" : ""));
        if (console().isJson()) {
            console().json(Map.of("volume", name.text(), "lostBlocks", lost));
        }
        return CommandTree.DONE;
    }
}
