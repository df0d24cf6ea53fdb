package io.ashlar.tools.simulate;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every seed that ever found a defect of the product, with what it was. They stay here for ever. */
class FoundSeedsTest {

    @ParameterizedTest(name = "seed {0}: {1}")
    @CsvSource({
        "6, a request to create came behind the deletion and left a shard over",
        "11, a clean close made another segment ahead after it had sealed everything",
        "30, a failed rebuild was ordered again together with the deletion of what it had made",
        "21, a request to create was carried out on the drive that had replaced a lost one",
    })
    void holds(long seed, String found) {
        Seeds.demand(seed);
    }
}
