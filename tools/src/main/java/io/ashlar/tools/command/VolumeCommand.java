package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.model.VolumeSize;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.ListVolumes;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.util.List;
import java.util.Locale;
import java.util.Map;

@Command(
        name = "volume",
        description = "Virtual disks.",
        subcommands = {
            VolumeCommand.Create.class,
            VolumeCommand.ListAll.class,
            VolumeCommand.Info.class,
            VolumeCommand.Delete.class,
            VolumeImport.class,
            VolumeExport.class,
            VolumeRecover.class,
            VolumeVerify.class
        })
final class VolumeCommand extends Group {

    static VolumeInfo get(ClusterConnection connection, VolumeName name) throws AshlarException {
        Request request = Request.newBuilder()
                .setGetVolume(GetVolume.newBuilder().setName(name.text()))
                .build();
        return connection.call(request).getVolume();
    }

    private static String line(VolumeInfo volume) {
        String holder = volume.getHolder().isEmpty() ? "" : "  open by " + volume.getHolder();
        String lost =
                volume.getLostBlocks() == 0 ? "" : "  " + volume.getLostBlocks() + " blocks lost";
        return String.format(
                Locale.ROOT,
                "%-20s %10s  %-8s %-8s %10s stored in %d segments%s%s",
                volume.getName(),
                Sizes.format(volume.getSizeBytes()),
                volume.getPolicy(),
                volume.getCompression(),
                Sizes.format(volume.getStoredBytes()),
                volume.getSegments(),
                holder,
                lost);
    }

    @Command(name = "create", description = "Create a volume.")
    static final class Create extends ClusterCommand {
        @Parameters(paramLabel = "NAME", description = "the new volume")
        @SuppressWarnings("NullAway.Init")
        private VolumeName name;

        @Option(
                names = "--size",
                required = true,
                paramLabel = "SIZE",
                description = "bytes, or with K, M, G or T; a multiple of 4096, up to 1024T")
        @SuppressWarnings("NullAway.Init")
        private VolumeSize size;

        @Option(
                names = "--policy",
                defaultValue = "rs-4-2",
                paramLabel = "POLICY",
                description = "rs-K-M (default ${DEFAULT-VALUE})")
        @SuppressWarnings("NullAway.Init")
        private Policy policy;

        @Option(
                names = "--compression",
                defaultValue = "none",
                paramLabel = "CODEC",
                description = "none or zstd:N (default ${DEFAULT-VALUE})")
        @SuppressWarnings("NullAway.Init")
        private Compression compression;

        @Override
        int run(ClusterConnection connection) throws Exception {
            ClusterOperations.createVolume(connection, name, size.bytes(), policy, compression);
            VolumeInfo volume = get(connection, name);
            console().line("created " + line(volume).stripTrailing());
            if (!volume.getCompression().equals("none")) {
                console()
                        .line("note: " + volume.getCompression()
                                + " is recorded, but this release still stores blocks as they are");
            }
            if (console().isJson()) {
                console().json(Replies.volume(volume));
            }
            return CommandTree.DONE;
        }
    }

    @Command(name = "list", description = "The volumes.")
    static final class ListAll extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            Request request = Request.newBuilder()
                    .setListVolumes(ListVolumes.getDefaultInstance())
                    .build();
            List<VolumeInfo> volumes = connection.call(request).getVolumeList().getVolumesList();
            volumes.forEach(volume -> console().line(line(volume)));
            if (console().isJson()) {
                console()
                        .json(Map.of(
                                "volumes", volumes.stream().map(Replies::volume).toList()));
            }
            return CommandTree.DONE;
        }
    }

    @Command(name = "info", description = "One volume.")
    static final class Info extends ClusterCommand {
        @Parameters(paramLabel = "NAME", description = "the volume")
        @SuppressWarnings("NullAway.Init")
        private VolumeName name;

        @Override
        int run(ClusterConnection connection) throws Exception {
            Map<String, Object> volume = Replies.volume(get(connection, name));
            volume.forEach((key, value) ->
                    console().line(String.format(Locale.ROOT, "%-12s %s", key, value)));
            if (console().isJson()) {
                console().json(volume);
            }
            return CommandTree.DONE;
        }
    }

    @Command(name = "delete", description = "Delete a volume and its data.")
    static final class Delete extends ClusterCommand {
        @Parameters(paramLabel = "NAME", description = "the volume")
        @SuppressWarnings("NullAway.Init")
        private VolumeName name;

        @Override
        int run(ClusterConnection connection) throws Exception {
            ClusterOperations.deleteVolume(connection, name);
            console().line("deleted " + name);
            if (console().isJson()) {
                console().json(Map.of("deleted", name.text()));
            }
            return CommandTree.DONE;
        }
    }
}
