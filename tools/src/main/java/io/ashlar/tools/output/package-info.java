/** What commands print: lines for people, JSON for programs, progress of long work. */
@NullMarked
package io.ashlar.tools.output;

import org.jspecify.annotations.NullMarked;
