package io.ashlar.ec;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Holds matrices and parity to {@code rs_vectors.json}, which foreign implementations agree on. */
class KnownAnswerTest {
    private static final Pattern VECTOR = Pattern.compile("\\{\\s*\"name\": \"(?<name>[^\"]*)\","
            + "\\s*\"k\": (?<k>\\d+),\\s*\"p\": (?<m>\\d+),\\s*\"len\": (?<length>\\d+),"
            + "\\s*\"data\": \\[(?<data>[^]]*)],\\s*\"matrix\": \"(?<matrix>[^\"]*)\","
            + "\\s*\"parity\": \\[(?<parity>[^]]*)]");
    private static final Pattern HEX = Pattern.compile("[0-9a-f]{2,}");

    static List<Answer> answers() throws IOException {
        List<Answer> answers = new ArrayList<>();
        Matcher matcher = VECTOR.matcher(resource("rs_vectors.json"));
        while (matcher.find()) {
            for (Kernel kernel : Kernel.available()) {
                answers.add(new Answer(
                        matcher.group("name"),
                        ReedSolomon.of(
                                Integer.parseInt(matcher.group("k")),
                                Integer.parseInt(matcher.group("m")),
                                kernel),
                        Integer.parseInt(matcher.group("length")),
                        cells(matcher.group("data")),
                        matcher.group("matrix"),
                        cells(matcher.group("parity"))));
            }
        }
        assertThat(answers).hasSize(9 * Kernel.available().size());
        return answers;
    }

    @ParameterizedTest
    @MethodSource("answers")
    void buildsTheSameMatrix(Answer answer) {
        assertThat(HexFormat.of().formatHex(answer.code.generator().toBytes()))
                .isEqualTo(answer.matrix);
    }

    @ParameterizedTest
    @MethodSource("answers")
    void encodesTheSameParity(Answer answer) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = answer.data.stream()
                    .map(cell -> arena.allocateFrom(JAVA_BYTE, cell))
                    .toArray(MemorySegment[]::new);
            MemorySegment[] parity = answer.parity.stream()
                    .map(cell -> arena.allocate(cell.length))
                    .toArray(MemorySegment[]::new);
            answer.code.encode(data, parity, answer.lengthBytes);
            assertThat(Stripe.toBytes(parity)).isDeepEqualTo(answer.parity.toArray(byte[][]::new));
        }
    }

    private static String resource(String name) throws IOException {
        try (InputStream stream = KnownAnswerTest.class.getResourceAsStream(name)) {
            byte[] content = Objects.requireNonNull(stream, name).readAllBytes();
            return new String(content, StandardCharsets.UTF_8);
        }
    }

    private static List<byte[]> cells(String list) {
        return HEX.matcher(list)
                .results()
                .map(cell -> HexFormat.of().parseHex(cell.group()))
                .toList();
    }

    record Answer(
            String name,
            ReedSolomon code,
            int lengthBytes,
            List<byte[]> data,
            String matrix,
            List<byte[]> parity) {
        @Override
        public String toString() {
            return name + " " + code.kernel();
        }
    }
}
