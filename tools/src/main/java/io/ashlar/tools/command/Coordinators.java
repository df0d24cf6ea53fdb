package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import java.util.List;

/** The coordinators of a cluster, as {@code HOST:PORT[,HOST:PORT...]} names them. */
record Coordinators(List<Address> addresses) {
    static Coordinators parse(String text) throws AshlarException.Invalid {
        List<Address> addresses = Address.parseList(text);
        for (Address address : addresses) {
            if (address.port() == 0) {
                throw new AshlarException.Invalid("\"" + address
                        + "\" is not where anybody listens: expected a port from 1 to 65535");
            }
        }
        return new Coordinators(addresses);
    }
}
