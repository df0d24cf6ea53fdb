package io.ashlar.node;

import org.jspecify.annotations.Nullable;

import java.io.IOException;

/** The file system under a drive has no room for a write. The file stays as usable as it was. */
@SuppressWarnings("serial") // never serialised
public final class DriveFullException extends IOException {
    public DriveFullException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
