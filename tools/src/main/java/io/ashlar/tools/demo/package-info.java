/** The whole story on one machine, told and verified. */
@NullMarked
package io.ashlar.tools.demo;

import org.jspecify.annotations.NullMarked;
