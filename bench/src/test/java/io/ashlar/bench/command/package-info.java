@NullMarked
package io.ashlar.bench.command;

import org.jspecify.annotations.NullMarked;
