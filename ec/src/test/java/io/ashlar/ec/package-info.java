@NullMarked
package io.ashlar.ec;

import org.jspecify.annotations.NullMarked;
