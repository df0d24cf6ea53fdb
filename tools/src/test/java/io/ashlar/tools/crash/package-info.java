/** Real processes that die under load, on drives that really lose what was not synced. */
@NullMarked
package io.ashlar.tools.crash;

import org.jspecify.annotations.NullMarked;
