/** What a user of volumes touches: connect, open, read, write, flush. */
@NullMarked
package io.ashlar.client;

import org.jspecify.annotations.NullMarked;
