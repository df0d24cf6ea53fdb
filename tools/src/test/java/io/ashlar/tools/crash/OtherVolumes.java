package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.ListVolumes;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.tools.crash.VolumeHistory.Fate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The volumes beside the one that is written: in each cycle a {@link VolumeMaker} makes and deletes
 * some, and dies. What was acknowledged has to hold then, and what is in doubt is there as a whole, or
 * not at all: it can be opened and holds what it held, or nobody knows it.
 */
final class OtherVolumes {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final CrashCluster cluster;
    private final Path file;

    /** The volume that is none of these. */
    private final String writtenVolume;

    /** Of volumes that hold their mark. */
    private final Set<String> marked = new HashSet<>();

    private VolumeHistory history;
    private int lastNumber;
    private long acknowledged;
    private int inDoubt;
    private int carriedOut;

    OtherVolumes(CrashCluster cluster, Path directory, String writtenVolume) throws IOException {
        this.cluster = cluster;
        this.file = directory.resolve("volumes");
        this.writtenVolume = writtenVolume;
        Journal.begin(file, List.of());
        this.history = VolumeHistory.read(file);
    }

    /** Who makes volumes, and what it says. */
    record Maker(Process process, Journal journal) {
        /** Waits until so many more commands are acknowledged. */
        void awaitMore(int commands) throws InterruptedException {
            assertThat(journal.awaitAcknowledged(journal.acknowledged() + commands, PATIENCE))
                    .as("%d more volumes made or deleted", commands)
                    .isTrue();
        }

        void kill() {
            // By its handle: what it has printed is still to be read.
            boolean _ = process.toHandle().destroyForcibly();
        }
    }

    Maker start(long seed) throws IOException {
        Set<String> names = new HashSet<>(history.fates().keySet());
        names.removeIf(name -> history.fates().get(name) != Fate.THERE);
        Process process = CrashRun.startProcess(
                VolumeMaker.class,
                VolumeMaker.arguments(cluster.coordinators(), names, lastNumber, seed));
        return new Maker(process, Journal.keep(file, process));
    }

    /** The maker is dead: holds the cluster to the journal. */
    void check(Maker maker) throws Exception {
        maker.journal().awaitEnd(PATIENCE);
        history = VolumeHistory.read(file);
        acknowledged += history.acknowledged();
        try (AshlarClient client = AshlarClient.connect(cluster.coordinators())) {
            for (Map.Entry<String, Fate> entry : history.fates().entrySet()) {
                lastNumber = Math.max(lastNumber, VolumeMaker.numberOf(entry.getKey()));
                settle(client, entry.getKey(), entry.getValue());
            }
            Map<String, VolumeInfo> found = others(client);
            history.check(ids(found));
            for (String name : history.fates().keySet()) {
                if (found.containsKey(name)) {
                    checkContent(client, name);
                } else {
                    requireFree(client, name);
                }
            }
            begin(found);
        }
    }

    /**
     * What the maker was not told may still come about, until somebody else is told: that a volume of
     * that name is there already, or is not there any more.
     */
    private void settle(AshlarClient client, String name, Fate fate) throws AshlarException {
        switch (fate) {
            case THERE, GONE -> {}
            case PERHAPS_MADE -> {
                inDoubt++;
                carriedOut += makeUnlessThere(client, name) ? 0 : 1;
                history.settledAsMade(
                        name, VolumeId.of(get(client, name).getId()).toString());
            }
            case PERHAPS_DELETED -> {
                inDoubt++;
                carriedOut += deleteIfThere(client, name) ? 0 : 1;
                history.settledAsDeleted(name);
            }
        }
    }

    /** False where it was there already. */
    private static boolean makeUnlessThere(AshlarClient client, String name)
            throws AshlarException {
        try {
            var _ = client.call(VolumeMaker.creation(name, client.newRequestId()));
            return true;
        } catch (AshlarException.Invalid e) {
            assertThat(e).hasMessageContaining("exists");
            return false;
        }
    }

    /** A deletion comes about as a whole or not at all; false where it had. */
    private boolean deleteIfThere(AshlarClient client, String name) throws AshlarException {
        try {
            checkContent(client, name);
            assertThat(get(client, name).getId())
                    .isEqualTo(VolumeId.parse(history.idOf(name)).toProto());
            var _ = client.call(VolumeMaker.deletion(name, client.newRequestId()));
            return true;
        } catch (AshlarException.NotFound e) {
            return false;
        }
    }

    private void requireFree(AshlarClient client, String name) {
        assertThatThrownBy(() -> get(client, name))
                .as("volume %s, which is not listed", name)
                .isInstanceOf(AshlarException.NotFound.class);
        marked.remove(name);
    }

    /** A volume is empty until it is marked, here. */
    private void checkContent(AshlarClient client, String name) throws AshlarException {
        int mark = VolumeMaker.numberOf(name);
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(VolumeMaker.VOLUME_BYTES));
        try (Volume volume = client.open(name)) {
            volume.read(0, bytes);
            for (int at = 0; at < bytes.capacity(); at += Integer.BYTES) {
                boolean isMarked = marked.contains(name) && at < Volume.BLOCK_BYTES;
                assertThat(bytes.getInt(at))
                        .as("volume %s at %d", name, at)
                        .isEqualTo(isMarked ? mark : 0);
            }
            volume.write(0, markOf(mark));
        }
        marked.add(name);
    }

    private static ByteBuffer markOf(int number) {
        ByteBuffer bytes = ByteBuffer.allocate(Volume.BLOCK_BYTES);
        while (bytes.hasRemaining()) {
            bytes.putInt(number);
        }
        return bytes.flip();
    }

    private static VolumeInfo get(AshlarClient client, String name) throws AshlarException {
        return client.call(Request.newBuilder()
                        .setGetVolume(GetVolume.newBuilder().setName(name))
                        .build())
                .getVolume();
    }

    private Map<String, VolumeInfo> others(AshlarClient client) throws AshlarException {
        Map<String, VolumeInfo> found = new TreeMap<>();
        list(client).forEach(info -> found.put(info.getName(), info));
        found.remove(writtenVolume);
        return found;
    }

    private static List<VolumeInfo> list(AshlarClient client) throws AshlarException {
        return client.call(Request.newBuilder()
                        .setListVolumes(ListVolumes.getDefaultInstance())
                        .build())
                .getVolumeList()
                .getVolumesList();
    }

    private static Map<String, String> ids(Map<String, VolumeInfo> found) {
        Map<String, String> ids = new TreeMap<>();
        found.forEach((name, info) -> ids.put(name, VolumeId.of(info.getId()).toString()));
        return ids;
    }

    /** The next maker's journal begins with what there is. */
    private void begin(Map<String, VolumeInfo> found) throws IOException {
        List<String> lines = new ArrayList<>();
        ids(found).forEach((name, id) -> lines.add(VolumeHistory.found(name, id)));
        Journal.begin(file, lines);
        history = VolumeHistory.read(file);
    }

    /** Waits until nothing is left of what was deleted. */
    void awaitDeleted() throws Exception {
        try (AshlarClient client = AshlarClient.connect(cluster.coordinators())) {
            cluster.awaitStatus(
                    "there are no segments but those of volumes",
                    seen -> seen.getSegments().getTotal() == segmentsOfAll(client));
        }
    }

    private static long segmentsOfAll(AshlarClient client) {
        try {
            return list(client).stream().mapToLong(VolumeInfo::getSegments).sum();
        } catch (AshlarException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** For people. */
    String summary() {
        return acknowledged + " volumes made or deleted, " + inDoubt + " times in doubt, of which "
                + carriedOut + " had come about";
    }
}
