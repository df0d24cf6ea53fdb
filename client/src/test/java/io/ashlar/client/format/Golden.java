package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;

/** Files that stay as they are for ever, one for each version of a format. */
final class Golden {
    private Golden() {}

    static byte[] bytes(String name) throws IOException {
        try (InputStream golden = Golden.class.getResourceAsStream("/" + name)) {
            assertThat(golden).as("%s among the test resources", name).isNotNull();
            return golden.readAllBytes();
        }
    }
}
