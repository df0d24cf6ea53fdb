package io.ashlar.ec;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Whether this JVM allows the restricted methods with which kernels reach native code and memory. */
final class NativeAccess {
    private NativeAccess() {}

    /** What forbids it, unless it is allowed. */
    @SuppressWarnings("restricted") // this call is the question
    static Optional<String> obstacle() {
        try {
            MemorySegment.NULL.reinterpret(1);
            return Optional.empty();
        } catch (IllegalCallerException forbidden) {
            return Optional.of("start Java with --enable-native-access=ALL-UNNAMED");
        }
    }
}
