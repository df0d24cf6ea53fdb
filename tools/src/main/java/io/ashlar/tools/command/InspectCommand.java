package io.ashlar.tools.command;

import io.ashlar.client.format.CellFormat.Cell;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.drive.RecordScan;
import io.ashlar.tools.drive.RecordScan.Found;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

@Command(
        name = "inspect",
        description = "What is on the drives, record by record.",
        subcommands = {InspectCommand.Shard.class, InspectCommand.OfSegment.class})
final class InspectCommand extends Group {

    @Command(
            name = "shard",
            description = "Print and check every record of a file of a drive; its node may run.")
    static final class Shard extends Leaf {
        @Parameters(paramLabel = "FILE", description = "such as a drive's arena")
        @SuppressWarnings("NullAway.Init")
        private Path file;

        private long records;
        private long damaged;

        @Override
        protected int run() throws Exception {
            if (!Files.isRegularFile(file)) {
                throw new CommandFailed("no such file: " + file);
            }
            long pages = RecordScan.scan(file, this::show);
            if (records + pages == 0) {
                throw new CommandFailed(file + " is no file of a drive: none of its "
                        + Files.size(file) + " bytes begin a record or a page of an arena;"
                        + " expected such as DRIVE/arena");
            }
            console().line(records + " records, " + damaged + " of them damaged");
            return CommandTree.DONE;
        }

        private void show(Found found) {
            records++;
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("offset", found.offset());
            Cell cell = found.cell();
            if (cell == null) {
                damaged++;
                object.put("damaged", "header");
            } else {
                if (found.badPieces() > 0) {
                    damaged++;
                }
                describe(cell, found.badPieces(), object);
            }
            if (console().isJson()) {
                console().json(object);
            } else {
                console().line(text(object));
            }
        }

        private static void describe(Cell cell, int badPieces, Map<String, Object> object) {
            Stripe stripe = cell.stripe();
            object.put("segment", stripe.identity().segment().toString());
            object.put("stripe", stripe.identity().number());
            object.put("stripeOffset", stripe.identity().offset());
            object.put("epoch", stripe.identity().epoch());
            object.put("role", cell.role());
            object.put("policy", stripe.geometry().policy().toString());
            object.put("dataCells", stripe.geometry().d());
            object.put("headerBytes", stripe.geometry().headerBytes());
            object.put("cellBytes", stripe.geometry().cellBytes());
            object.put("stampBytes", cell.stampBytes());
            List<String> extents = new ArrayList<>();
            stripe.extents()
                    .forEach(extent -> extents.add(extent.kind().toString().toLowerCase(Locale.ROOT)
                            + " " + extent.firstBlock() + "+" + extent.blockCount()));
            object.put("extents", extents);
            object.put("badPieces", badPieces);
        }

        private static String text(Map<String, Object> object) {
            StringBuilder text = new StringBuilder();
            object.forEach(
                    (key, value) -> text.append(key).append('=').append(value).append("  "));
            return text.toString().stripTrailing();
        }
    }

    @Command(name = "segment", description = "Where a segment's shards are and what they hold.")
    static final class OfSegment extends ClusterCommand {
        @Parameters(paramLabel = "ID", description = "32 hexadecimal digits")
        @SuppressWarnings("NullAway.Init")
        private SegmentId id;

        @Override
        int run(ClusterConnection connection) throws Exception {
            Request request = Request.newBuilder()
                    .setListSegments(ListSegments.newBuilder().setSegment(id.toProto()))
                    .build();
            List<Segment> found = connection.call(request).getSegmentList().getSegmentsList();
            if (found.isEmpty()) {
                throw new CommandFailed("no segment " + id);
            }
            show(found.getFirst());
            return CommandTree.DONE;
        }

        private void show(Segment segment) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("id", SegmentId.of(segment.getId()).toString());
            object.put("sequence", segment.getSequence());
            object.put("policy", segment.getPolicy());
            object.put("state", segment.getState().toString().toLowerCase(Locale.ROOT));
            object.put("epoch", segment.getEpoch());
            object.put("shardBytes", segment.getShardBytes());
            object.put("sealedBytes", segment.getSealedBytes());
            object.put("stripeCount", segment.getStripeCount());
            object.put("version", segment.getVersion());
            object.put("weaker", segment.getWeaker());
            object.forEach((key, value) ->
                    console().line(String.format(Locale.ROOT, "%-12s %s", key, value)));
            List<Object> shards = new ArrayList<>();
            for (Placement placement : segment.getPlacementsList()) {
                Map<String, Object> shard = new LinkedHashMap<>();
                shard.put("index", placement.getShard().getIndex());
                shard.put("node", placement.getNode());
                shard.put("address", placement.getAddress());
                shard.put("cells", placement.getCells());
                shard.put("complete", placement.getComplete());
                shards.add(shard);
                console().line("shard        " + shard);
            }
            object.put("shards", shards);
            if (console().isJson()) {
                console().json(object);
            }
        }
    }
}
