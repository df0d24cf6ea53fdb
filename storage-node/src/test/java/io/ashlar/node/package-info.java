@NullMarked
package io.ashlar.node;

import org.jspecify.annotations.NullMarked;
