/** A cluster of real processes on this machine. */
@NullMarked
package io.ashlar.tools.cluster;

import org.jspecify.annotations.NullMarked;
