package io.ashlar.tools.simulate;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every seed that ever found a defect, of the product or of what is expected of it, with what it was.
 * They stay here for ever.
 */
class FoundSeedsTest {

    @ParameterizedTest(name = "seed {0}: {1}")
    @CsvSource({
        "6, a request to create came behind the deletion and left a shard over",
        "11, a clean close made another segment ahead after it had sealed everything",
        "30, a failed rebuild was ordered again together with the deletion of what it had made",
        "21, a request to create was carried out on the drive that had replaced a lost one",
        "1000, the simulator opened a volume after the healing as a fault had planned before it",
        "1005, an opening failed for want of cells while nodes were down and was taken for a loss",
        "1174, an idle writer kept a weaker segment open although its shards could be spread",
        "2006, an opening failed as invalid while a drive was in another node and others were down",
        "34, a rebuild did not count what a former place says of a stripe's generation",
        "293, rot behind a power cut in an open segment was taken for a write that was cut short",
        "415, a recoverer was told that its cell is there where another generation lay",
        "159, a rebuild that was given up was ordered beside the deletion of what it had made",
        "776, the simulator made nodes unreachable while another answered from a lost arena",
        "3490779247, the simulator waited for ever for a failed drive to notice that it is lost",
        "5035, the same, of a shard that returned with its drive",
        "40000120, the simulator took damage of a shard that was being rebuilt for mended",
        "20000727, the simulator destroyed a former place that alone held a cell",
        "20001987, the simulator let segments be placed on more lost arenas than they survive",
        "761879524, an empty drive was put into another node, which made it its own",
        "783, the simulator did not follow damage that a repair had copied",
        "1292, a takeover sealed a segment at its length when only some of its stripes were decided",
        "1427, the simulator left connections to processes long dead open",
        "5057, a rebuild that was given up was ordered beside the deletion of what it had made",
        "5058, the same",
        "5094, the same",
        "5122, the same",
        "5153, the same",
        "1025, the simulator did not let an opening wait for a holder that lived",
        "1097, the same, of a client that lived on",
        "1382833943, the simulator did not let an opener take a volume after the healing",
        "764186842, the simulator took a drive for served that had met trouble as its node started",
        "764186856, a deposed leader's orders followed from what a later one had decided",
        "700411, the simulator did not let a read fail that was asked while its client was cut off",
        "700518, the same",
        "700534, each deep scrub met a broken connection, and compared that segment nowhere else",
        "1000264, a shard was taken for gone by an answer from before it had moved",
        "1002169, a replay did not ask the former places of shards that lacked cells",
        "840111, a read gave up after four looks, though its blocks had been overwritten each time",
        "1002780, a read of one who no longer had the volume was told to lack cells",
        "800045, the simulator left a full drive in use that its node had given up without a record",
        "800264, a repeated creation of a fenced writer was confirmed, as a repair had made the shard",
        "700448, a deposed leader told the holder of a volume that his epoch was over",
    })
    void holds(long seed, String found) {
        Seeds.demand(seed);
    }
}
