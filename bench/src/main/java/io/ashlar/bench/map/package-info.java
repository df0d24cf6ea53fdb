/** What the map costs, and what another kind of map would. */
@NullMarked
package io.ashlar.bench.map;

import org.jspecify.annotations.NullMarked;
