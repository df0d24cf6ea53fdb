/** How long writes stand still when a node is killed. */
@NullMarked
package io.ashlar.bench.stall;

import org.jspecify.annotations.NullMarked;
