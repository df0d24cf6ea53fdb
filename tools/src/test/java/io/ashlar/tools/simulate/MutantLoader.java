package io.ashlar.tools.simulate;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;

/** Loads the whole product anew, one class of it changed, and runs seeds with it. */
final class MutantLoader extends ClassLoader {
    private static final String PRODUCT = "io.ashlar.";

    private final Mutation mutation;

    MutantLoader(Mutation mutation, ClassLoader parent) {
        super("mutant", parent);
        this.mutation = mutation;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            if (loaded == null && name.startsWith(PRODUCT)) {
                loaded = define(name);
            }
            return loaded != null ? loaded : super.loadClass(name, resolve);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        String file = name.replace('.', '/') + ".class";
        try (InputStream in = getParent().getResourceAsStream(file)) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = in.readAllBytes();
            byte[] changed = name.equals(mutation.className()) ? mutation.applyTo(bytes) : bytes;
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
                    .getMethod("run", long.class, PrintStream.class, boolean.class)
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
