/** The cluster in one thread from one seed: shipping code over seeded fakes, faults, an oracle. */
@NullMarked
package io.ashlar.tools.simulate;

import org.jspecify.annotations.NullMarked;
