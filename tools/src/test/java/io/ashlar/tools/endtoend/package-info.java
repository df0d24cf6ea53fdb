/** Commands against clusters of real processes. */
@NullMarked
package io.ashlar.tools.endtoend;

import org.jspecify.annotations.NullMarked;
