@NullMarked
package io.ashlar.bench;

import org.jspecify.annotations.NullMarked;
