@NullMarked
package io.ashlar.client.nbd;

import org.jspecify.annotations.NullMarked;
