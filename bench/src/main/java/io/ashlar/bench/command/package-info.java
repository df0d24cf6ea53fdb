/** The {@code ashlar bench} commands. */
@NullMarked
package io.ashlar.bench.command;

import org.jspecify.annotations.NullMarked;
