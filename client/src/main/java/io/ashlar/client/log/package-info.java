/** A volume's log: its segments, its writer, and how a dead writer's tail is taken over. */
@NullMarked
package io.ashlar.client.log;

import org.jspecify.annotations.NullMarked;
