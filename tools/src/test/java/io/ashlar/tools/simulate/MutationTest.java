package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.tools.simulate.Mutation.Instead;

import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.stream.Stream;

/**
 * Deliberate defects of the protocol, each of which the simulator has to find within so many seeds as
 * the property says. What is not found says that the simulator is too narrow. It runs only where the
 * property is given, as it takes long: every defect runs in classes of its own, which the JVM
 * compiles anew.
 */
@EnabledIfSystemProperty(named = MutationTest.PROPERTY, matches = "[1-9]\\d*")
class MutationTest {
    static final String PROPERTY = "ashlar.mutation.seeds";

    private static final long SEEDS = Long.getLong(PROPERTY, 0);
    private static final Instead NOTHING = new Instead.Constant(0);
    private static final Instead TRUE = new Instead.Constant(1);
    private static final Instead DONE = new Instead.DoneFuture();

    static Stream<Mutation> defects() {
        return Stream.of(
                node("answers before the sync", "GroupCommit", "commit", "Sync.sync", NOTHING),
                node(
                        "ignores the fence on appends",
                        "RecordAppender",
                        "refusal",
                        "ShardEntry.fenceEpoch",
                        NOTHING),
                node("its fence is not durable", "ShardStore", "change", "Catalogue.put", NOTHING),
                node(
                        "makes a shard behind the fence",
                        "ShardStore",
                        "fenceAbsent",
                        "Catalogue.raiseAbsentFence",
                        NOTHING),
                node(
                        "makes a shard behind its deletion",
                        "ShardStore",
                        "delete",
                        "Catalogue.refuseCreation",
                        NOTHING),
                node(
                        "makes a shard on the drive that replaced its own",
                        "Drive",
                        "create",
                        "DriveId.equals",
                        TRUE),
                node(
                        "takes a failed check for a negative",
                        "HeaderReader",
                        "closeGap",
                        "HeaderReader.addUnknown",
                        NOTHING),
                node(
                        "takes no torn record for a negative",
                        "HeaderReader",
                        "closeGap",
                        "ShardEntry.uncleanStop",
                        NOTHING),
                node(
                        "takes a writer's appends after a restart",
                        "RecordAppender",
                        "refusal",
                        "Shard.restarted",
                        NOTHING),
                node("obeys any term", "OrderBook", "take", "Comparator.compare", NOTHING),
                node(
                        "knows shards without their incarnation",
                        "ShardKey",
                        "of",
                        "ShardRef.getIncarnation",
                        NOTHING),
                node(
                        "writes over another record",
                        "RecordAppender",
                        "write",
                        "Shard.overlapping",
                        NOTHING),
                node(
                        "rebuilds from cells of different stripes",
                        "CellRebuild",
                        "checked",
                        "Stripe.sameAs",
                        TRUE),
                node("keeps damage to itself", "DriveScrub", "suspect", "DamageLog.cell", NOTHING),
                writer(
                        "acknowledges at the first answer",
                        "LogWriter",
                        "acknowledgeInOrder",
                        "Place.unanswered",
                        NOTHING),
                writer(
                        "sends again without a seal",
                        "OpenSegments",
                        "sealAll",
                        "OpenSegments.command",
                        DONE),
                writer(
                        "makes a segment ahead after the close",
                        "LogWriter",
                        "placeWaiting",
                        "LogWriter.closing",
                        NOTHING),
                writer(
                        "keeps a stripe with one cell too few",
                        "TailDecision",
                        "decideKnown",
                        "Geometry.d",
                        new Instead.Plus(-1)),
                writer(
                        "ends the log without a negative",
                        "TailDecision",
                        "endOrBlock",
                        "Stream.anyMatch",
                        TRUE),
                writer("knows no mark", "TailDecision", "markIn", "LogPosition.bytes", NOTHING),
                writer("does not check the chain", "LogChain", "decide", "LogChain.follows", TRUE),
                writer(
                        "does not cut what comes before",
                        "LogChain",
                        "decide",
                        "LogChain.cutBefore",
                        NOTHING),
                writer("ignores a block", "LogChain", "decide", "Tail.blocked", NOTHING),
                writer(
                        "does not rewrite kept cells",
                        "Takeover",
                        "decideAndRewrite",
                        "Takeover.rewriteAll",
                        DONE),
                writer(
                        "serves reads under a lapsed lease",
                        "Lease",
                        "permit",
                        "Lease.isValid",
                        TRUE),
                writer(
                        "takes an undecided stripe for decided where a root lies behind it",
                        "LogChain",
                        "cut",
                        "Tail.bytes",
                        new Instead.Constant(Integer.MAX_VALUE)),
                stripe(
                        "combines cells of different stripes",
                        "CellDecode",
                        "alike",
                        "Stripe.sameAs",
                        TRUE),
                metadata(
                        "seals for any epoch",
                        "SegmentCommands",
                        "seal",
                        "VolumeCommands.requireEpoch",
                        NOTHING),
                metadata(
                        "does not raise the epoch",
                        "VolumeCommands",
                        "open",
                        "VolumeRecord.getEpoch",
                        new Instead.Plus(-1)),
                metadata(
                        "carries a repeated command out again",
                        "Metadata",
                        "apply",
                        "MetadataWriter.remembered",
                        NOTHING),
                metadata(
                        "keeps segments that were never opened",
                        "VolumeCommands",
                        "open",
                        "MetadataWriter.deleteSegment",
                        NOTHING),
                coordinator(
                        "takes up a plan that it gives up",
                        "Repair",
                        "resumePlans",
                        "RepairRecords.isAbandoning",
                        NOTHING));
    }

    private static Mutation node(
            String what, String simpleName, String method, String target, Instead instead) {
        return new Mutation(
                "a node " + what, "io.ashlar.node." + simpleName, method, target, instead);
    }

    private static Mutation writer(
            String what, String simpleName, String method, String target, Instead instead) {
        return new Mutation(
                "a writer " + what, "io.ashlar.client.log." + simpleName, method, target, instead);
    }

    private static Mutation stripe(
            String what, String simpleName, String method, String target, Instead instead) {
        return new Mutation(
                "a reader " + what,
                "io.ashlar.client.stripe." + simpleName,
                method,
                target,
                instead);
    }

    private static Mutation metadata(
            String what, String simpleName, String method, String target, Instead instead) {
        return new Mutation(
                "the metadata " + what,
                "io.ashlar.coordinator.metadata." + simpleName,
                method,
                target,
                instead);
    }

    private static Mutation coordinator(
            String what, String simpleName, String method, String target, Instead instead) {
        return new Mutation(
                "a coordinator " + what,
                "io.ashlar.coordinator." + simpleName,
                method,
                target,
                instead);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("defects")
    void isFound(Mutation mutation) throws ReflectiveOperationException {
        MutantLoader mutant = new MutantLoader(mutation, MutationTest.class.getClassLoader());
        String found = "";
        long seed = 0;
        while (found.isEmpty() && seed < SEEDS) {
            seed++;
            found = mutant.violationOf(seed);
        }
        System.out.println(mutation.name() + ": seed " + seed + ", " + found);
        assertThat(found)
                .as("found within %d seeds: %s", SEEDS, mutation.name())
                .isNotEmpty();
    }
}
