package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Placement;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The places of a volume's shards, each once: there are as many as drives, with the addresses that
 * their nodes have had meanwhile. Lives on the volume's loop.
 */
public final class ShardPlaces {
    private final Map<ShardPlace, ShardPlace> places = new HashMap<>();

    /** The one that was told of before, where there is one. */
    ShardPlace of(Placement placement) throws AshlarException {
        Optional<Address> address = placement.getAddress().isEmpty()
                ? Optional.empty()
                : Optional.of(Address.parse(placement.getAddress()));
        ShardPlace place = new ShardPlace(
                placement.getNode(), address, DriveId.of(placement.getShard().getDrive()));
        return places.computeIfAbsent(place, told -> told);
    }
}
