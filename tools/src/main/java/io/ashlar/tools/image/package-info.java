/** Raw images in and out of volumes. */
@NullMarked
package io.ashlar.tools.image;

import org.jspecify.annotations.NullMarked;
