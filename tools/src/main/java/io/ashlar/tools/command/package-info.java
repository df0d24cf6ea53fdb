/** The commands of the command line, a class each. */
@NullMarked
package io.ashlar.tools.command;

import org.jspecify.annotations.NullMarked;
