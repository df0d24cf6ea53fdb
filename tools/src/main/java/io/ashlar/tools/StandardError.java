package io.ashlar.tools;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The JVM warns of the incubating Vector API before any of our code runs. So the launcher starts it
 * with a filter as standard error and the real one as another descriptor, named by the property
 * {@code ashlar.stderr}; here the process takes the real one back.
 */
final class StandardError {
    private static final int STANDARD_ERROR = 2;

    private StandardError() {}

    @SuppressWarnings("restricted") // Java itself cannot duplicate a descriptor
    static void takeBack() {
        Integer real = Integer.getInteger("ashlar.stderr");
        if (real == null) {
            return;
        }
        Linker linker = Linker.nativeLinker();
        MethodHandle dup2 = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("dup2"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        MethodHandle close = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("close"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            int taken = (int) dup2.invokeExact((int) real, STANDARD_ERROR);
            if (taken == STANDARD_ERROR) {
                int _ = (int) close.invokeExact((int) real);
            }
        } catch (Throwable e) {
            throw new IllegalStateException("dup2 of standard error failed", e);
        }
    }
}
