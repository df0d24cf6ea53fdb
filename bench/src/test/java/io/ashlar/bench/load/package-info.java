@NullMarked
package io.ashlar.bench.load;

import org.jspecify.annotations.NullMarked;
