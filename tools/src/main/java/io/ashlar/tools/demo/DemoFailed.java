package io.ashlar.tools.demo;

import java.io.IOException;

/** Something that the demo promises did not hold. */
@SuppressWarnings("serial") // never serialised
public final class DemoFailed extends IOException {
    DemoFailed(String message) {
        super(message);
    }
}
