@NullMarked
package io.ashlar.coordinator;

import org.jspecify.annotations.NullMarked;
