/** Loads a volume through the Java API, verifies what it reads and measures how it went. */
@NullMarked
package io.ashlar.bench.load;

import org.jspecify.annotations.NullMarked;
