package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import org.junit.jupiter.api.Test;

class StorageNodeConfigTest {
    private static final String MINIMAL = """
            node = n1
            listen = 127.0.0.1:7501
            coordinators = 127.0.0.1:7400, 127.0.0.1:7401
            drive.1.directory = /srv/one
            drive.1.capacity = 20G
            """;

    @Test
    void readsWhatItWrites() throws AshlarException {
        StorageNodeConfig config = StorageNodeConfig.parse(MINIMAL, "node.conf");
        assertThat(config.drives().getFirst().capacityBytes()).isEqualTo(20L << 30);
        assertThat(config.coordinators()).hasSize(2);
        assertThat(config.advertise()).isEqualTo(new Address("127.0.0.1", 7501));
        assertThat(StorageNodeConfig.parse(config.text(), "copy")).isEqualTo(config);
    }

    @Test
    void namesTheKeyThatIsWrong() {
        assertWrong(MINIMAL + "colour = red\n", "colour");
        assertWrong(MINIMAL.replace("node = n1\n", ""), "node is missing");
        assertWrong(MINIMAL.replace("20G", "much"), "drive.1.capacity");
        assertWrong(MINIMAL.replace("drive.1.capacity = 20G\n", ""), "drive.1.capacity");
        assertWrong(MINIMAL + "readers-per-drive = 0\n", "readers-per-drive");
        assertWrong(MINIMAL.replace("7501", "port"), "HOST:PORT");
    }

    private static void assertWrong(String text, String named) {
        assertThatThrownBy(() -> StorageNodeConfig.parse(text, "node.conf"))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining(named);
    }
}
