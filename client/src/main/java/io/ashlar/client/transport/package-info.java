/** Frames between processes, and the seam at which a simulator takes over. */
@NullMarked
package io.ashlar.client.transport;

import org.jspecify.annotations.NullMarked;
