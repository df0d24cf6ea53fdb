/** The metadata: a deterministic state machine over ordered keys and values. */
@NullMarked
package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.NullMarked;
