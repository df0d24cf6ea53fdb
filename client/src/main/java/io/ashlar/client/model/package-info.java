/** Names of things: ids, policies, addresses. */
@NullMarked
package io.ashlar.client.model;

import org.jspecify.annotations.NullMarked;
