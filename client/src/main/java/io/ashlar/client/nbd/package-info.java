/** Volumes as disks for others: the NBD server. */
@NullMarked
package io.ashlar.client.nbd;

import org.jspecify.annotations.NullMarked;
