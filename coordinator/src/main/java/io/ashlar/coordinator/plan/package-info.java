/** Pure decisions: where shards go, who is healthy, what is repaired next. */
@NullMarked
package io.ashlar.coordinator.plan;

import org.jspecify.annotations.NullMarked;
