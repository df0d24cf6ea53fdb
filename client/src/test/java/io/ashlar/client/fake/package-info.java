/** A cluster in memory, run step by step from a seed. */
@NullMarked
package io.ashlar.client.fake;

import org.jspecify.annotations.NullMarked;
