/** Stripes: how blocks become cells, and cells blocks again. */
@NullMarked
package io.ashlar.client.stripe;

import org.jspecify.annotations.NullMarked;
