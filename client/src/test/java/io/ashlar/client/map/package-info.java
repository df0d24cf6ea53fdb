/** Tests. */
@NullMarked
package io.ashlar.client.map;

import org.jspecify.annotations.NullMarked;
