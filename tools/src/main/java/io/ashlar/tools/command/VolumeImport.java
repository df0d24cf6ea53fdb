package io.ashlar.tools.command;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.VolumeInfo;
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
    private String name;

    @Override
    int run() throws Exception {
        boolean isPipe = file.equals("-");
        try (ReadableByteChannel source = isPipe
                        ? Channels.newChannel(console().in())
                        : FileChannel.open(Path.of(file), StandardOpenOption.READ);
                AshlarClient client = AshlarClient.connect(coordinators())) {
            VolumeInfo info = client.call(Request.newBuilder()
                            .setGetVolume(GetVolume.newBuilder().setName(name))
                            .build())
                    .getVolume();
            long imageBytes = source instanceof FileChannel image ? image.size() : 0;
            if (imageBytes > info.getSizeBytes()) {
                throw new CommandFailed("the image " + file + " of " + imageBytes
                        + " bytes is larger than volume " + name + " of " + info.getSizeBytes()
                        + ": nothing was written; create a volume of at least its size");
            }
            return write(source, client, info, imageBytes);
        }
    }

    private int write(
            ReadableByteChannel source, AshlarClient client, VolumeInfo info, long imageBytes)
            throws IOException {
        Transfer transfer;
        try (Volume volume = client.open(name);
                Progress progress = console().progress("import " + name, imageBytes)) {
            boolean neverWritten = info.getEpoch() == 0;
            transfer = ImageImport.run(source, volume, neverWritten, progress);
        }
        console()
                .line("imported " + transfer.text() + " into " + name + " of "
                        + Sizes.format(info.getSizeBytes()));
        if (console().isJson()) {
            console().json(transfer.json(name));
        }
        return CommandTree.DONE;
    }
}
