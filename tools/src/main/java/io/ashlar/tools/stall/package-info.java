/** How long writes stand still when something fails. */
@NullMarked
package io.ashlar.tools.stall;

import org.jspecify.annotations.NullMarked;
