package io.ashlar.tools.crash;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A process of its own that makes volumes and deletes them again, one command after the other, until
 * it is killed. It says what it issues before it does, and what it was told. What nobody answers it
 * issues again as the same request.
 */
final class VolumeMaker {
    static final long VOLUME_BYTES = 1 << 20;
    private static final String POLICY = "rs-4-2";
    private static final int MAX_VOLUMES = 6;

    private final AshlarClient client;
    private final SplittableRandom random;
    private final List<String> names;
    private int lastNumber;

    private VolumeMaker(
            AshlarClient client, SplittableRandom random, List<String> names, int lastNumber) {
        this.client = client;
        this.random = random;
        this.names = names;
        this.lastNumber = lastNumber;
    }

    /**
     * What {@link #main} is to be given.
     *
     * @param names of the volumes that are there
     * @param lastNumber of all that ever were
     */
    static List<String> arguments(
            List<Address> coordinators, Collection<String> names, int lastNumber, long seed) {
        List<String> arguments = new ArrayList<>(List.of(
                coordinators.getFirst().toString(),
                Integer.toString(lastNumber),
                Long.toString(seed)));
        arguments.addAll(names);
        return arguments;
    }

    /** What a volume is called; no name is used twice by this process. */
    static String nameOf(int number) {
        return "made" + number;
    }

    static int numberOf(String name) {
        return Integer.parseInt(name.substring(nameOf(0).length() - 1));
    }

    /** Makes such a volume. */
    static Request creation(String name, long requestId) {
        return Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(requestId)
                        .setName(name)
                        .setSizeBytes(VOLUME_BYTES)
                        .setPolicy(POLICY)
                        .setCompression("none"))
                .build();
    }

    /** Deletes it. */
    static Request deletion(String name, long requestId) {
        return Request.newBuilder()
                .setDeleteVolume(
                        DeleteVolume.newBuilder().setRequestId(requestId).setName(name))
                .build();
    }

    public static void main(String[] arguments) throws Exception {
        try (AshlarClient client = AshlarClient.connect(Address.parseList(arguments[0]))) {
            new VolumeMaker(
                            client,
                            new SplittableRandom(Long.parseLong(arguments[2])),
                            new ArrayList<>(List.of(arguments).subList(3, arguments.length)),
                            Integer.parseInt(arguments[1]))
                    .run();
        }
    }

    private void run() {
        while (true) {
            boolean makes = names.isEmpty() || (names.size() < MAX_VOLUMES && random.nextBoolean());
            if (makes) {
                make(nameOf(++lastNumber));
            } else {
                delete(names.remove(random.nextInt(names.size())));
            }
        }
    }

    private void make(String name) {
        say("issued create " + name);
        Response response = call(creation(name, client.newRequestId()));
        say("acknowledged create " + name + " "
                + VolumeId.of(response.getVolume().getId()));
        names.add(name);
    }

    private void delete(String name) {
        say("issued delete " + name);
        Response _ = call(deletion(name, client.newRequestId()));
        say("acknowledged delete " + name);
    }

    /** Until somebody answers; no answer may be a refusal. */
    private Response call(Request request) {
        while (true) {
            try {
                return client.call(request);
            } catch (AshlarException.Unavailable e) {
                say("unanswered");
            } catch (AshlarException e) {
                say("failed: " + e);
                throw new IllegalStateException(e);
            }
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
