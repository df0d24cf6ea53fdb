/** The coordinator and the nodes, as a client calls them. */
@NullMarked
package io.ashlar.client.cluster;

import org.jspecify.annotations.NullMarked;
