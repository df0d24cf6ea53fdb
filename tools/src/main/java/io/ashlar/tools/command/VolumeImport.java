package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.image.ImageImport;
import io.ashlar.tools.image.Transfer;
import io.ashlar.tools.output.Progress;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

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
        try (ReadableByteChannel source = open()) {
            VolumeInfo info;
            try (ClusterConnection connection = new ClusterConnection(coordinators())) {
                info = VolumeCommand.get(connection, name);
            }
            long imageBytes = source instanceof FileChannel image ? image.size() : 0;
            if (imageBytes > info.getSizeBytes()) {
                throw new CommandFailed("the image " + file + " of " + imageBytes
                        + " bytes is larger than volume " + name + " of " + info.getSizeBytes()
                        + ": nothing was written; create a volume of at least its size");
            }
            try (AshlarClient client = AshlarClient.connect(coordinators())) {
                return write(source, client, info, imageBytes);
            }
        }
    }

    private ReadableByteChannel open() throws IOException, CommandFailed {
        if (file.equals("-")) {
            return Channels.newChannel(console().in());
        }
        Path path = Path.of(file);
        if (Files.isDirectory(path)) {
            throw new CommandFailed(file + " is a directory, not an image");
        }
        return FileChannel.open(path, StandardOpenOption.READ);
    }

    /** An import that fails half-way says so: the volume must not pass for the image. */
    private Transfer copy(
            ReadableByteChannel source, Volume volume, boolean neverWritten, Progress progress)
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

    private int write(
            ReadableByteChannel source, AshlarClient client, VolumeInfo info, long imageBytes)
            throws IOException, CommandFailed {
        Transfer transfer;
        try (Volume volume = client.open(name.text(), OpenOptions.forProcess("import"));
                Progress progress = console().progress("import " + name, imageBytes)) {
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
}
