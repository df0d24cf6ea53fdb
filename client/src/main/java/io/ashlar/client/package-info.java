@NullMarked
package io.ashlar.client;

import org.jspecify.annotations.NullMarked;
