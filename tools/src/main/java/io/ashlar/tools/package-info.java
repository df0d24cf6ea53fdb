@NullMarked
package io.ashlar.tools;

import org.jspecify.annotations.NullMarked;
