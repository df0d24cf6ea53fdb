/** What the simulator is held to, the seeds that found something, and defects it has to find. */
@NullMarked
package io.ashlar.tools.simulate;

import org.jspecify.annotations.NullMarked;
