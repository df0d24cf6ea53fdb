package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.StallWatch;
import io.ashlar.tools.image.ImageImport;
import io.ashlar.tools.image.ImageSource;
import io.ashlar.tools.image.Transfer;
import io.ashlar.tools.output.Progress;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

@Command(
        name = "import",
        description = "Write a raw image to a volume that exists; holes and zeros take no space.")
final class VolumeImport extends Leaf {
    @Parameters(index = "0", paramLabel = "FILE", description = "the image; - is standard input")
    @SuppressWarnings("NullAway.Init")
    private String file;

    @Parameters(index = "1", paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Override
    protected int run() throws Exception {
        try (ImageSource source = open()) {
            VolumeInfo info;
            try (ClusterConnection connection = new ClusterConnection(coordinators())) {
                info = VolumeCommand.get(connection, name);
            }
            if (source.knownBytes() > info.getSizeBytes()) {
                throw new CommandFailed("the image " + file + " of " + source.knownBytes()
                        + " bytes is larger than volume " + name + " of " + info.getSizeBytes()
                        + ": nothing was written; create a volume of at least its size");
            }
            source.requireContent();
            try (AshlarClient client = AshlarClient.connect(coordinators())) {
                return write(source, client, info);
            }
        }
    }

    private ImageSource open() throws IOException, CommandFailed {
        if (file.equals("-")) {
            return ImageSource.of("on standard input", console().in());
        }
        Path path = Path.of(file);
        if (Files.isDirectory(path)) {
            throw new CommandFailed(file + " is a directory, not an image");
        }
        return ImageSource.of(path);
    }

    private int write(ImageSource source, AshlarClient client, VolumeInfo info)
            throws IOException, CommandFailed {
        Transfer transfer;
        AtomicLong doneBytes = new AtomicLong();
        try (StallWatch _ = new StallWatch(
                        coordinators(),
                        doneBytes::get,
                        text -> console().notice("import " + name + ": " + text));
                Volume volume = client.open(name.text(), OpenOptions.forProcess("import"));
                Progress progress = console()
                        .progress("import " + name, source.knownBytes())
                        .alsoTo(doneBytes)) {
            boolean neverWritten = info.getEpoch() == 0;
            transfer = copy(source, volume, neverWritten, progress);
        }
        console()
                .line("imported " + transfer.text() + " into " + name + " of "
                        + Sizes.format(info.getSizeBytes()));
        if (console().isJson()) {
            console().json(transfer.json(name.text()));
        }
        return CommandTree.DONE;
    }

    /** An import that fails half-way says so: the volume must not pass for the image. */
    private Transfer copy(
            ImageSource source, Volume volume, boolean neverWritten, Progress progress)
            throws IOException, CommandFailed {
        try {
            return ImageImport.run(source, volume, neverWritten, progress);
        } catch (AshlarException.Invalid e) {
            throw e;
        } catch (AshlarException e) {
            throw new CommandFailed(
                    e.getMessage() + "; volume " + name + " holds only a part of the image now");
        }
    }
}
