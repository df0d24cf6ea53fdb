/** Layouts on the wire and on drives, one table each. */
@NullMarked
package io.ashlar.client.format;

import org.jspecify.annotations.NullMarked;
