/** Tests. */
@NullMarked
package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.NullMarked;
