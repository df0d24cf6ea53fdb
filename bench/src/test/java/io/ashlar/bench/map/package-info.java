/** Tests. */
@NullMarked
package io.ashlar.bench.map;

import org.jspecify.annotations.NullMarked;
