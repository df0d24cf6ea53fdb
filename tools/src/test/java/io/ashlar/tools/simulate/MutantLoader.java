package io.ashlar.tools.simulate;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.List;

/** Loads the whole product anew, some classes of it changed, and runs seeds with it. */
final class MutantLoader extends ClassLoader {
    private static final String PRODUCT = "io.ashlar.";

    /** What holds no logic of the protocol: shared, so that it is compiled once for all mutants. */
    private static final List<String> SHARED =
            List.of("io.ashlar.ec.", "io.ashlar.client.protocol.", "io.ashlar.coordinator.record.");

    private final Mutation mutation;

    MutantLoader(Mutation mutation, ClassLoader parent) {
        super("mutant", parent);
        this.mutation = mutation;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            if (loaded == null && name.startsWith(PRODUCT) && !isShared(name)) {
                loaded = define(name);
            }
            return loaded != null ? loaded : super.loadClass(name, resolve);
        }
    }

    private static boolean isShared(String name) {
        return SHARED.stream().anyMatch(name::startsWith);
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        String file = name.replace('.', '/') + ".class";
        try (InputStream in = getParent().getResourceAsStream(file)) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = in.readAllBytes();
            byte[] changed = mutation.applyTo(name, bytes);
            return defineClass(name, changed, 0, changed.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    /** What a seed is found to violate with the defect; empty: nothing. */
    String violationOf(long seed) throws ReflectiveOperationException {
        Class<?> simulation = loadClass(Simulation.class.getName());
        try {
            Object report = simulation
                    .getMethod(
                            mutation.isBeyond() ? "runBeyond" : "run",
                            long.class,
                            PrintStream.class,
                            boolean.class)
                    .invoke(null, seed, System.out, false);
            Class<?> type = report.getClass();
            return (boolean) type.getMethod("holds").invoke(report)
                    ? ""
                    : type.getMethod("invariant").invoke(report) + ": "
                            + type.getMethod("what").invoke(report);
        } catch (InvocationTargetException e) {
            throw new IllegalStateException("a mutant ended the simulator", e.getCause());
        }
    }
}
