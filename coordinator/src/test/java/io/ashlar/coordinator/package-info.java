/** Tests of the coordinator, with a loop of virtual time and nodes that only exist in a map. */
@NullMarked
package io.ashlar.coordinator;

import org.jspecify.annotations.NullMarked;
