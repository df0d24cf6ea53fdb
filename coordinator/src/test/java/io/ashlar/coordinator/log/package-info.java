/** Tests. */
@NullMarked
package io.ashlar.coordinator.log;

import org.jspecify.annotations.NullMarked;
