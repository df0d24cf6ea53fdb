package io.ashlar.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.Jazzer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;

/**
 * A fuzzer that is led by the branches of the server which its inputs reach, in a process of its own.
 * Netty follows every buffer meanwhile. Only where {@code -Dashlar.nbd.guided=N} says that it is to look
 * for N seconds; what it finds is kept beside the module.
 */
class NbdGuidedFuzzTest {
    private static final String PROPERTY = "ashlar.nbd.guided";
    private static final int INPUTS = 60;
    private static final int REQUESTS = 12;

    @TempDir
    private Path directory;

    @EnabledIfSystemProperty(named = PROPERTY, matches = "[1-9]\\d*")
    @Test
    void findsNothing() throws IOException, InterruptedException {
        Path corpus = Files.createDirectory(directory.resolve("corpus"));
        for (int i = 0; i < INPUTS; i++) {
            Files.write(corpus.resolve("input" + i), input(new SplittableRandom(i)));
        }
        Process fuzzer = new ProcessBuilder(
                        Path.of(System.getProperty("java.home", ""), "bin", "java")
                                .toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-Xmx512m",
                        "-Dio.netty.leakDetection.level=paranoid",
                        "-cp",
                        System.getProperty("java.class.path", ""),
                        Jazzer.class.getName(),
                        "--target_class=" + NbdFuzzTarget.class.getName(),
                        "--instrumentation_includes=" + NbdFuzzTarget.class.getPackageName()
                                + ".**",
                        // Netty does to its memory what this one takes for an attack.
                        "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.UnsafeSanitizer",
                        "-max_total_time=" + System.getProperty(PROPERTY, ""),
                        "-max_len=4096",
                        "-rss_limit_mb=4096",
                        "-artifact_prefix=target/nbd-fuzz-",
                        corpus.toString())
                .redirectErrorStream(true)
                .start();
        fuzzer.getOutputStream().close();
        String output = new String(fuzzer.getInputStream().readAllBytes(), UTF_8);
        assertThat(fuzzer.waitFor()).as(output).isZero();
        assertThat(output).contains("Done ").doesNotContain("LEAK");
    }

    /** A conversation as clients have them, for the fuzzer to begin with. */
    private static byte[] input(SplittableRandom random) {
        ByteBuf input = Unpooled.buffer();
        int how = random.nextInt(6);
        input.writeByte(how | random.nextInt(2) * NbdFuzzTarget.LATE);
        input.writeByte(random.nextInt(256));
        for (int i = 0; i < REQUESTS; i++) {
            input.writeBytes(
                    switch (how) {
                        case 0, 1 -> NbdFuzzTest.option(random);
                        case 2 -> NbdFuzzTest.request(random, ReplyStyle.SIMPLE);
                        case 3, 4 -> NbdFuzzTest.request(random, ReplyStyle.STRUCTURED);
                        default -> NbdFuzzTest.request(random, ReplyStyle.EXTENDED);
                    });
        }
        return ByteBufUtil.getBytes(input);
    }
}
