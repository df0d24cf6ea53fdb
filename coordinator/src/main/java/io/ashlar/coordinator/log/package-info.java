/** The log through which every change of the metadata goes. */
@NullMarked
package io.ashlar.coordinator.log;

import org.jspecify.annotations.NullMarked;
