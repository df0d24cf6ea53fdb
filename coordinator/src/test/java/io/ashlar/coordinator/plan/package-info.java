/** Tests. */
@NullMarked
package io.ashlar.coordinator.plan;

import org.jspecify.annotations.NullMarked;
