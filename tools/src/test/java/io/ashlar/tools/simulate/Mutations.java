package io.ashlar.tools.simulate;

import io.ashlar.client.log.WrongLog;
import io.ashlar.client.stripe.WrongStripe;
import io.ashlar.coordinator.metadata.WrongMetadata;
import io.ashlar.node.WrongNode;
import io.ashlar.tools.simulate.Change.Instead;

import java.util.List;
import java.util.stream.Stream;

/**
 * The defects that the simulator has to find, in the order of DESIGN's sections: what an
 * acknowledgement promises, what a recovery reads and decides, where records may come from, what the
 * metadata holds, repair. {@code docs/testing.md} says which stands for what.
 */
final class Mutations {
    private static final Instead NOTHING = new Instead.Constant(0);
    private static final Instead TRUE = new Instead.Constant(1);
    private static final Instead MUCH = new Instead.Constant(Integer.MAX_VALUE);
    private static final Instead DONE = new Instead.DoneFuture();

    private Mutations() {}

    static Stream<Mutation> all() {
        return Stream.of(
                        acknowledging(),
                        recovering(),
                        reading(),
                        negatives(),
                        fencing(),
                        metadata(),
                        repair(),
                        losing())
                .flatMap(List::stream);
    }

    /** What is acknowledged is durable on all participants, in order, and in the log. */
    private static List<Mutation> acknowledging() {
        return List.of(
                of(
                        "a node answers before the sync",
                        node("GroupCommit", "commit", "Sync.sync", NOTHING)),
                of(
                        "a writer acknowledges at the first answer",
                        log("LogWriter", "acknowledgeInOrder", "Place.unanswered", NOTHING)),
                of(
                        "a writer acknowledges out of order",
                        log("LogWriter", "acknowledgeInOrder", "Deque.getFirst", last("get")),
                        log(
                                "LogWriter",
                                "acknowledgeInOrder",
                                "Deque.removeFirst",
                                last("remove"))),
                of(
                        "a writer acknowledges while a seal is asked for",
                        log("LogWriter$Appended", "answered", "LogWriter.sealing", NOTHING)),
                of(
                        "a writer sends again without a seal",
                        log("OpenSegments", "sealAll", "OpenSegments.command", DONE)),
                of(
                        "a writer sends again into a segment that has held stripes",
                        log("OpenSegments", "sealAll", "Deque.remove", TRUE)),
                argued(
                        "a writer makes a segment ahead after the close",
                        log("LogWriter", "placeWaiting", "LogWriter.closing", NOTHING)),
                of(
                        "a writer stores zeroes in one cell too few",
                        log("LogWriter", "send", "Geometry.participants", wrong("participants")),
                        log(
                                "LogWriter$Place",
                                "<init>",
                                "Geometry.participants",
                                wrong("participants"))),
                of(
                        "a writer does not wait for what its checkpoints hold",
                        log("LogWriter", "send", "InFlight.place", wrong("placeInMap"))),
                of(
                        "a writer frees the tail of the log",
                        log("SegmentFreeing", "segmentsBefore", "SegmentFreeing.sequenceOf", MUCH),
                        log("SegmentFreeing", "look", "SegmentFreeing.isNeededByRoot", NOTHING),
                        metadata("RootCommands", "free", "RootCommands.sequence", MUCH)),
                of(
                        "a writer frees what only an older root refers to",
                        log("SegmentFreeing", "look", "SegmentFreeing.isNeededByRoot", NOTHING)),
                of(
                        "a writer serves reads under a lapsed lease",
                        log("Lease", "permit", "Lease.isValid", TRUE)),
                of(
                        "a lease lasts while its machine is suspended",
                        log("Moment", "isPast", "TimeUnit.toNanos", NOTHING)),
                of(
                        "a coordinator renews leases when it has been deposed",
                        coordinator("LeadershipCheck", "confirm", "SortedMap.size", TRUE)));
    }

    /** What a recoverer keeps, ends and seals. */
    private static List<Mutation> recovering() {
        return List.of(
                of(
                        "a writer keeps a stripe with one cell too few",
                        log("TailDecision", "decideKnown", "Geometry.d", new Instead.Plus(-1))),
                of(
                        "a writer ends the log without a negative",
                        log("TailDecision", "endsHere", "Stream.anyMatch", TRUE)),
                of(
                        "a writer counts the negatives of all shards",
                        log("TailDecision", "participants", "Policy.k", NOTHING)),
                of(
                        "a writer takes a stripe of unknown shape for a full one",
                        log(
                                "TailDecision",
                                "decideUnknown",
                                "TailDecision.participants",
                                new Instead.ArgumentPlus(64))),
                of(
                        "a writer takes an empty drive for a negative",
                        log("TailDecision", "isNegative", "List.get", wrong("goneIsEmpty"))),
                argued(
                        "a writer knows no mark",
                        log("LogChain", "mark", "LogPosition.bytes", NOTHING)),
                of(
                        "a writer does not check the chain",
                        log("LogChain", "decide", "LogChain.follows", TRUE)),
                argued(
                        "a writer does not cut what comes before",
                        log("LogChain", "decide", "LogChain.cutBefore", NOTHING)),
                of(
                        "a writer ignores a block",
                        log("LogChain", "requireDecided", "Tail.blocked", NOTHING)),
                of(
                        "a writer does not rewrite kept cells",
                        log("Takeover", "decideAndRewrite", "Takeover.rewriteAll", DONE)),
                of(
                        "a writer rewrites in its own name",
                        log("Takeover", "append", "CellFormat.write", wrong("writeInOwnName")),
                        node("Shard", "belongs", "Identity.epoch", NOTHING),
                        node("Shard", "belongs", "ShardEntry.epoch", NOTHING)),
                of(
                        "a writer takes an undecided stripe for decided where a root lies behind it",
                        log("LogChain", "cut", "Tail.bytes", MUCH)));
    }

    /** What a reader asks for, puts together and believes. */
    private static List<Mutation> reading() {
        return List.of(
                of(
                        "a reader combines cells of different stripes",
                        stripe("CellDecode", "alike", "Stripe.sameAs", TRUE)),
                of(
                        "a reader never decodes",
                        stripe(
                                "StripeReader",
                                "readNow",
                                "StripeReader.decodeChecked",
                                atStripe("neverDecode")),
                        stripe(
                                "StripeReader",
                                "hedge",
                                "StripeReader.decodeChecked",
                                atStripe("neverDecode"))),
                of(
                        "a reader decodes from one cell too few",
                        stripe("CellDecode", "arrived", "CellDecode.needed", new Instead.Plus(-1)),
                        stripe(
                                "CellDecode",
                                "decode",
                                "ReedSolomon.reconstruct",
                                atStripe("reconstructFromFewer"))),
                of(
                        "a reader hands over what it has not decoded",
                        stripe("CellDecode", "decode", "ReedSolomon.reconstruct", NOTHING),
                        stripe("CellDecode", "decode", "PieceCheck.holds", TRUE),
                        stripe("StripeReader", "decodeChecked", "PieceCheck.holds", TRUE)),
                of(
                        "a reader believes what it has decoded of different stripes",
                        stripe("CellDecode", "alike", "Stripe.sameAs", TRUE),
                        stripe("CellDecode", "decode", "PieceCheck.holds", TRUE),
                        stripe("StripeReader", "decodeChecked", "PieceCheck.holds", TRUE)),
                of(
                        "a reader believes what a node gives it",
                        stripe("CellReader", "read", "PieceCheck.holds", TRUE),
                        node("ShardReader", "readTrusted", "ShardReader.haveCrcs", TRUE)),
                of(
                        "a reader does not learn where shards are now",
                        stripe("Placements", "ask", "LogSegment.moveTo", NOTHING)));
    }

    /** What a node says of places that hold nothing it can read. */
    private static List<Mutation> negatives() {
        return List.of(
                of(
                        "a node takes a failed check for a negative",
                        node("HeaderReader", "closeGap", "HeaderReader.addUnknown", NOTHING)),
                of(
                        "a node takes no torn record for a negative",
                        node("HeaderReader", "closeGap", "ShardEntry.uncleanStop", NOTHING)),
                of(
                        "a node takes what is not synced for durable",
                        node("ShardStore", "fence", "GroupCommit.join", atNode("answerAtOnce")),
                        node("ShardStore", "open", "DriveFile.sync", NOTHING)),
                argued(
                        "a node takes a writer's appends after a restart",
                        node("RecordAppender", "refusal", "Shard.restarted", NOTHING)),
                argued(
                        "a node takes another record for the one that recovery writes",
                        node("RecordAppender", "isThere", "RecordAppender.sameHeader", TRUE)),
                argued(
                        "a node writes over another record",
                        node("RecordAppender", "write", "Shard.overlapping", NOTHING)));
    }

    /** Who may still write, or make a shard. */
    private static List<Mutation> fencing() {
        return List.of(
                of(
                        "a node ignores the fence on appends",
                        node("RecordAppender", "refusal", "ShardEntry.fenceEpoch", NOTHING)),
                of(
                        "a node looks at the fence before an append waits for the drive",
                        node("Drive", "append", "AppendCheck.check", atNode("checkFenceToo")),
                        node("RecordAppender", "refusal", "ShardEntry.fenceEpoch", NOTHING)),
                of(
                        "a node looks at the fence when it has written",
                        node(
                                "RecordAppender",
                                "append",
                                "RecordAppender.refusal",
                                atNode("writeFirst"))),
                of(
                        "a writer reads what was left without a fence",
                        log("EvidenceReader", "underFence", "EvidenceReader.fence", DONE),
                        node("DriveReads", "underFence", "Shard.isFencedAt", TRUE)),
                of(
                        "a node forgets its fence",
                        node("ShardStore", "fence", "ShardStore.change", atNode("raiseInMemory"))),
                of(
                        "a node makes a shard behind the fence",
                        node("ShardStore", "fenceAbsent", "Catalogue.raiseAbsentFence", NOTHING),
                        node("ShardCreator", "fenced", "ShardCreator.highestFence", NOTHING)),
                of(
                        "a node makes a shard behind its deletion",
                        node("ShardStore", "delete", "Catalogue.refuseCreation", NOTHING)),
                argued(
                        "a node makes a shard on the drive that replaced its own",
                        node("Drive", "create", "DriveId.equals", TRUE)),
                of(
                        "a node knows shards without their incarnation",
                        node("ShardKey", "of", "ShardRef.getIncarnation", NOTHING)),
                of(
                        "a node obeys any term",
                        node("OrderBook", "take", "Comparator.compare", NOTHING)),
                of(
                        "a node forgets whom it has obeyed",
                        node("ShardStore", "remember", "Catalogue.putState", NOTHING)));
    }

    /** What is conditional on the epoch, and what a command does once. */
    private static List<Mutation> metadata() {
        return List.of(
                of(
                        "the metadata seals for an epoch that is over",
                        metadata(
                                "SegmentCommands",
                                "seal",
                                "VolumeCommands.requireEpoch",
                                atMetadata("anyEpoch"))),
                of(
                        "the metadata takes a root of an epoch that is over",
                        metadata(
                                "RootCommands",
                                "commit",
                                "VolumeCommands.requireEpoch",
                                atMetadata("anyEpoch"))),
                of(
                        "the metadata does not raise the epoch",
                        metadata(
                                "VolumeCommands",
                                "open",
                                "VolumeRecord.getEpoch",
                                new Instead.Plus(-1))),
                of(
                        "the metadata carries a repeated command out again",
                        metadata("Metadata", "apply", "MetadataWriter.remembered", NOTHING)),
                of(
                        "the metadata keeps segments that were never opened",
                        metadata(
                                "VolumeCommands",
                                "open",
                                "MetadataWriter.deleteSegment",
                                NOTHING)));
    }

    /** What repair makes, believes and forgets. */
    private static List<Mutation> repair() {
        return List.of(
                of(
                        "a coordinator forgets the repairs of the leader before",
                        metadata("RepairCommands", "plan", "MetadataWriter.putRebuild", NOTHING),
                        metadata(
                                "RepairCommands",
                                "place",
                                "MetadataWriter.rebuild",
                                atMetadata("plannedOrNot")),
                        metadata("RepairCommands", "place", "ShardRef.equals", TRUE),
                        metadata("RepairCommands", "place", "MetadataWriter.isDoomed", NOTHING)),
                of(
                        "a coordinator takes up a plan that it gives up",
                        repairing("resumePlans", "RepairRecords.isAbandoning", NOTHING),
                        repairing("dropWhatNobodyNeeds", "Repair.stands", TRUE),
                        repairing("runningOn", "Repair.stands", TRUE)),
                of(
                        "a coordinator gives orders by what a later leader has decided",
                        coordinator(
                                "LeaderContext",
                                "authority",
                                "ClusterRecord.getAppliedTerm",
                                NOTHING),
                        coordinator(
                                "CoordinatorService",
                                "leads",
                                "ClusterRecord.getAppliedTerm",
                                NOTHING)),
                of(
                        "a coordinator orders a rebuild that it has given up",
                        repairing("dropWhatNobodyNeeds", "Repair.stands", TRUE),
                        repairing("runningOn", "Repair.stands", TRUE)),
                of(
                        "a coordinator tells a rebuild of no former place",
                        coordinator("LiveNodes", "former", "Metadata.loss", NOTHING)),
                of(
                        "a coordinator believes a shard that returned",
                        metadata(
                                "RepairCommands",
                                "shardsReturned",
                                "MetadataWriter.putLoss",
                                atMetadata("believeReturned"))),
                of(
                        "a node rebuilds from cells of different stripes",
                        node("CellRebuild", "checked", "Stripe.sameAs", TRUE),
                        node("CellRebuild", "checked", "CellRebuild.holds", TRUE),
                        node("CellRebuild", "finish", "CellRebuild.holds", TRUE),
                        node("AppendCheck", "check", "Geometry.piecesPerCell", NOTHING)),
                of(
                        "a node keeps damage to itself",
                        node("DriveScrub$Pass", "suspect", "DamageLog.cell", NOTHING)));
    }

    /** What becomes of what is lost. */
    private static List<Mutation> losing() {
        return List.of(
                beyond(
                        "an override loses everything",
                        log(
                                "Takeover",
                                "decideAndRewrite",
                                "LogChain.decide",
                                wrong("decideAllLost"))),
                beyond(
                        "a replay skips holes silently",
                        log("LogReplay", "replay", "BlockMap.lose", NOTHING),
                        log("LogReplay", "replay", "LogReplay.loseAll", NOTHING)),
                beyond(
                        "the metadata does not record what is lost",
                        metadata(
                                "SegmentCommands",
                                "recordLoss",
                                "MetadataWriter.addEvent",
                                NOTHING)),
                beyond(
                        "a root does not tell how many blocks are lost",
                        new Change(
                                "io.ashlar.client.map.LossCount",
                                "run",
                                "LossCount.possible",
                                NOTHING)));
    }

    private static Mutation of(String name, Change... changes) {
        return new Mutation(name, List.of(changes), false, false);
    }

    private static Mutation argued(String name, Change... changes) {
        return new Mutation(name, List.of(changes), true, false);
    }

    private static Mutation beyond(String name, Change... changes) {
        return new Mutation(name, List.of(changes), false, true);
    }

    private static Change node(String simpleName, String method, String target, Instead instead) {
        return new Change("io.ashlar.node." + simpleName, method, target, instead);
    }

    private static Change log(String simpleName, String method, String target, Instead instead) {
        return new Change("io.ashlar.client.log." + simpleName, method, target, instead);
    }

    private static Change stripe(String simpleName, String method, String target, Instead instead) {
        return new Change("io.ashlar.client.stripe." + simpleName, method, target, instead);
    }

    private static Change metadata(
            String simpleName, String method, String target, Instead instead) {
        return new Change("io.ashlar.coordinator.metadata." + simpleName, method, target, instead);
    }

    private static Change repairing(String method, String target, Instead instead) {
        return coordinator("Repair", method, target, instead);
    }

    private static Change coordinator(
            String simpleName, String method, String target, Instead instead) {
        return new Change("io.ashlar.coordinator." + simpleName, method, target, instead);
    }

    private static Instead last(String verb) {
        return new Instead.Sibling(verb + "Last");
    }

    private static Instead wrong(String method) {
        return new Instead.Wrong(WrongLog.class, method);
    }

    private static Instead atStripe(String method) {
        return new Instead.Wrong(WrongStripe.class, method);
    }

    private static Instead atNode(String method) {
        return new Instead.Wrong(WrongNode.class, method);
    }

    private static Instead atMetadata(String method) {
        return new Instead.Wrong(WrongMetadata.class, method);
    }
}
