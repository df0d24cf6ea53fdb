package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.tools.image.ImageExport;
import io.ashlar.tools.image.Transfer;
import io.ashlar.tools.output.Progress;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.Map;

@Command(name = "export", description = "Read a whole volume into a raw, sparse image.")
final class VolumeExport extends Leaf {
    @Parameters(index = "0", paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Parameters(index = "1", paramLabel = "FILE", description = "the image; - is standard output")
    @SuppressWarnings("NullAway.Init")
    private String file;

    @Override
    protected int run() throws Exception {
        boolean isPipe = file.equals("-");
        if (isPipe) {
            console().reserveStandardOutput();
        }
        Transfer transfer;
        long degradedReads;
        requireVolume(name);
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name.text(), OpenOptions.forProcess("export"));
                Progress progress = console().progress("export " + name, volume.sizeBytes())) {
            transfer = isPipe
                    ? ImageExport.toStream(volume, Channels.newChannel(console().out()), progress)
                    : ImageExport.toFile(volume, Path.of(file), progress);
            degradedReads = volume.stats().degradedReads();
        }
        report(transfer, degradedReads, isPipe);
        return CommandTree.DONE;
    }

    private void report(Transfer transfer, long degradedReads, boolean isPipe) throws IOException {
        console()
                .line("exported " + transfer.text() + " from " + name
                        + (degradedReads == 0
                                ? ""
                                : ", " + degradedReads + " reads decoded from other cells"));
        if (isPipe) {
            console().out().flush();
            if (console().out().checkError()) {
                throw new IOException(
                        "standard output was closed before the whole volume was written");
            }
        } else if (console().isJson()) {
            Map<String, Object> object = transfer.json(name.text());
            object.put("degradedReads", degradedReads);
            console().json(object);
        }
    }
}
