package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.Request;

/**
 * Somebody deletes a volume, as soon as nobody's lease keeps it, and makes another one of its name.
 * Both are tried again and again, whatever happens meanwhile.
 */
final class VolumeDeletion {
    private static final long AGAIN_NANOS = WorldSettings.SECOND;

    private final World world;
    private final VolumeUse volume;
    private boolean deleted;

    VolumeDeletion(World world, VolumeUse volume) {
        this.world = world;
        this.volume = volume;
    }

    void goOn() {
        boolean there = world.metadata().volume(volume.name()) != null;
        if (deleted && there) {
            volume.madeAnew();
            return;
        }
        deleted |= !there;
        SimulatedClient client = world.newClient();
        Request request = deleted ? volume.creation(client) : deletion(client);
        var _ = client.client().callAsync(request).whenComplete((_, failure) -> {
            if (failure != null && client.process().isAlive()) {
                world.note(volume.name() + " is not deleted or not made: "
                        + AshlarException.in(failure).getMessage());
            }
        });
        world.schedule().world(AGAIN_NANOS, () -> {
            client.process().kill();
            goOn();
        });
    }

    private Request deletion(SimulatedClient client) {
        return Request.newBuilder()
                .setDeleteVolume(DeleteVolume.newBuilder()
                        .setRequestId(client.client().newRequestId())
                        .setName(volume.name()))
                .build();
    }
}
