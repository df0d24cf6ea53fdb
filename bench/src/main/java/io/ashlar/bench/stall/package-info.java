/** How long writes stand still when nodes are lost. */
@NullMarked
package io.ashlar.bench.stall;

import org.jspecify.annotations.NullMarked;
