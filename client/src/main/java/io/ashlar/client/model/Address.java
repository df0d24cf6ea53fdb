package io.ashlar.client.model;

import io.ashlar.client.AshlarException;

import java.util.ArrayList;
import java.util.List;

/** Where a process listens. */
public record Address(String host, int port) {

    /** Reads {@code HOST:PORT}; an IPv6 host stands in brackets. */
    public static Address parse(String text) throws AshlarException.Invalid {
        int colon = text.lastIndexOf(':');
        if (colon > 0) {
            String host = text.substring(0, colon);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            }
            try {
                int port = Integer.parseInt(text.substring(colon + 1));
                if (port >= 0 && port <= 65535 && !host.isEmpty()) {
                    return new Address(host, port);
                }
            } catch (NumberFormatException e) {
                throw invalid(text);
            }
        }
        throw invalid(text);
    }

    /** Reads {@code HOST:PORT[,HOST:PORT...]}. */
    public static List<Address> parseList(String text) throws AshlarException.Invalid {
        List<Address> addresses = new ArrayList<>();
        for (String one : text.split(",", -1)) {
            addresses.add(parse(one.strip()));
        }
        return List.copyOf(addresses);
    }

    private static AshlarException.Invalid invalid(String text) {
        return new AshlarException.Invalid("\"" + text
                + "\" is not an address: expected HOST:PORT, for example 127.0.0.1:7400");
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
