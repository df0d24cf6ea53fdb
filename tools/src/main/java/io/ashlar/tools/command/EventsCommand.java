package io.ashlar.tools.command;

import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.EventList;
import io.ashlar.client.protocol.GetEvents;
import io.ashlar.client.protocol.Request;
import io.ashlar.tools.cluster.ClusterConnection;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

@Command(name = "events", description = "What changed and why.")
final class EventsCommand extends ClusterCommand {
    private static final int PAGE = 500;
    private static final Duration FOLLOW_INTERVAL = Duration.ofSeconds(1);

    @Option(names = "--follow", description = "go on with new ones until interrupted")
    private boolean follow;

    @Override
    int run(ClusterConnection connection) throws Exception {
        long after = 0;
        while (true) {
            Request request = Request.newBuilder()
                    .setGetEvents(GetEvents.newBuilder().setAfter(after).setMax(PAGE))
                    .build();
            EventList events = connection.call(request).getEvents();
            for (Event event : events.getEventsList()) {
                show(event);
                after = event.getNumber();
            }
            boolean more = events.getEventsCount() == PAGE;
            if (!more && !follow) {
                return CommandTree.DONE;
            }
            if (!more) {
                Thread.sleep(FOLLOW_INTERVAL);
            }
        }
    }

    private void show(Event event) {
        Instant at = Instant.ofEpochMilli(event.getAtMillis());
        console().line(at + "  " + event.getSubject() + "  " + event.getText());
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("number", event.getNumber());
            object.put("at", at.toString());
            object.put("subject", event.getSubject());
            object.put("text", event.getText());
            console().json(object);
        }
    }
}
