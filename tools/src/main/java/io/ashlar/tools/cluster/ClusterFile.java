package io.ashlar.tools.cluster;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.jr.ob.JSON;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code cluster.json}: the processes of a one-machine cluster, and how to reach each. */
public record ClusterFile(List<Member> coordinators, List<Member> nodes) {
    public static final String NAME = "cluster.json";

    /**
     * A process.
     *
     * @param pid of its latest start, which may be over
     * @param directory of its configuration and log, and of a coordinator's data
     * @param zone of a node, else empty
     * @param drives of a node, else none
     */
    public record Member(
            String id, Address address, long pid, Path directory, String zone, List<Path> drives) {

        Member withPid(long newPid) {
            return new Member(id, address, newPid, directory, zone, drives);
        }
    }

    public List<Member> members() {
        List<Member> members = new ArrayList<>(coordinators);
        members.addAll(nodes);
        return members;
    }

    public Optional<Member> find(String id) {
        return members().stream().filter(member -> member.id().equals(id)).findFirst();
    }

    ClusterFile with(Member changed) {
        return new ClusterFile(replace(coordinators, changed), replace(nodes, changed));
    }

    private static List<Member> replace(List<Member> members, Member changed) {
        return members.stream()
                .map(member -> member.id().equals(changed.id()) ? changed : member)
                .toList();
    }

    /** Reads what {@link #save} wrote. */
    public static ClusterFile load(Path directory) throws IOException {
        Path file = directory.resolve(NAME);
        String text;
        try {
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new AshlarException.NotFound(directory + " holds no cluster: " + NAME
                    + " is not there (ashlar up --dir makes one)");
        } catch (CharacterCodingException e) {
            throw new AshlarException.Incompatible(file + " is not text");
        }
        Map<String, Object> object;
        try {
            object = JSON.std.mapFrom(text);
        } catch (JacksonException e) {
            throw new AshlarException.Incompatible(
                    file + " is not JSON: " + e.getOriginalMessage());
        }
        return new ClusterFile(
                readMembers(directory, field(object, "coordinators", List.class)),
                readMembers(directory, field(object, "nodes", List.class)));
    }

    private static List<Member> readMembers(Path directory, List<?> list) throws AshlarException {
        List<Member> members = new ArrayList<>();
        for (Object one : list) {
            if (!(one instanceof Map<?, ?> object)) {
                throw new AshlarException.Incompatible(
                        NAME + " holds " + one + " instead of a process");
            }
            String id = field(object, "id", String.class);
            List<Path> drives = new ArrayList<>();
            if (object.get("drives") instanceof List<?> paths) {
                paths.forEach(path -> drives.add(Path.of(String.valueOf(path))));
            }
            members.add(new Member(
                    id,
                    Address.parse(field(object, "address", String.class)),
                    field(object, "pid", Number.class).longValue(),
                    directory.resolve(id).toAbsolutePath().normalize(),
                    object.get("zone") instanceof String zone ? zone : "",
                    List.copyOf(drives)));
        }
        return List.copyOf(members);
    }

    private static <T> T field(Map<?, ?> object, String name, Class<T> type)
            throws AshlarException {
        Object value = object.get(name);
        if (!type.isInstance(value)) {
            throw new AshlarException.Incompatible(NAME + " has no proper \"" + name + "\"");
        }
        return type.cast(value);
    }

    /** Replaces the file of the directory in one step. */
    public void save(Path directory) throws IOException {
        Map<String, Object> object = new LinkedHashMap<>();
        List<Object> coordinatorObjects = new ArrayList<>();
        for (Member coordinator : coordinators) {
            Map<String, Object> one = describe(coordinator);
            one.put("dir", coordinator.directory().toString());
            coordinatorObjects.add(one);
        }
        List<Object> nodeObjects = new ArrayList<>();
        for (Member node : nodes) {
            Map<String, Object> one = describe(node);
            one.put("zone", node.zone());
            one.put("drives", node.drives().stream().map(Path::toString).toList());
            nodeObjects.add(one);
        }
        object.put("coordinators", coordinatorObjects);
        object.put("nodes", nodeObjects);
        Path temporary = directory.resolve(NAME + ".tmp");
        Files.writeString(
                temporary, JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(object) + "\n");
        Files.move(temporary, directory.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
    }

    private static Map<String, Object> describe(Member member) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("id", member.id());
        object.put("address", member.address().toString());
        object.put("pid", member.pid());
        return object;
    }
}
