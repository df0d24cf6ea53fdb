/** Where each block of a volume lives now. */
@NullMarked
package io.ashlar.client.map;

import org.jspecify.annotations.NullMarked;
