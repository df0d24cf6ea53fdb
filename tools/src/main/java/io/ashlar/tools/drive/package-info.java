/** What is on a drive, read without its node. */
@NullMarked
package io.ashlar.tools.drive;

import org.jspecify.annotations.NullMarked;
