package io.ashlar.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** {@code docs/testing.md} names tests and faults: they are there. */
class TestingPageTest {
    /** The modules are tested in their own directories. */
    private static final Path ROOT = Path.of("..");

    private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*Test)\\.(\\w+)`");
    private static final Pattern FAULT = Pattern.compile("`([A-Z]+(?:_[A-Z]+)+)`");
    private static final Pattern MUTATION = Pattern.compile("mutation \"([^\"]+)\"");
    private static final Pattern ARGUED = Pattern.compile("argued\\(\\s*\"([^\"]+)\"");
    private static final Pattern NOT_BUILT = Pattern.compile("not built yet");
    private static final Pattern ROW = Pattern.compile("^\\| [a-z].*#\\d.*\\|$");

    private static final int LESSONS = 29;

    private static String page = "";

    /** By simple name, what all test classes of that name say. */
    private static final Map<String, String> TESTS = new HashMap<>();

    private static String faultKinds = "";
    private static String mutations = "";

    @BeforeAll
    static void read() throws IOException {
        page = Files.readString(ROOT.resolve("docs/testing.md"));
        faultKinds = Files.readString(
                ROOT.resolve("tools/src/main/java/io/ashlar/tools/simulate/FaultKind.java"));
        mutations = Files.readString(
                ROOT.resolve("tools/src/test/java/io/ashlar/tools/simulate/Mutations.java"));
        for (String module :
                List.of("ec", "client", "storage-node", "coordinator", "tools", "bench")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
                for (Path file : files.filter(path -> path.toString().endsWith("Test.java"))
                        .toList()) {
                    String name = String.valueOf(file.getFileName()).replace(".java", "");
                    TESTS.merge(name, Files.readString(file), String::concat);
                }
            }
        }
    }

    @Test
    void everyTestThatIsNamedIsThere() {
        List<String> named = new ArrayList<>();
        Matcher matcher = TEST.matcher(page);
        while (matcher.find()) {
            named.add(matcher.group());
            assertThat(TESTS).as(matcher.group()).containsKey(matcher.group(1));
            assertThat(TESTS.getOrDefault(matcher.group(1), ""))
                    .as(matcher.group())
                    .containsPattern("@(Parameterized|Repeated)?Test\\b((?!\\bvoid\\b)[\\s\\S])*+"
                            + "\\bvoid " + matcher.group(2) + "\\(");
        }
        assertThat(named).hasSizeGreaterThan(40);
    }

    @Test
    void everyFaultThatIsNamedIsInjected() {
        Matcher matcher = FAULT.matcher(page);
        List<String> named = new ArrayList<>();
        while (matcher.find()) {
            named.add(matcher.group(1));
            assertThat(faultKinds).containsPattern("\\b" + matcher.group(1) + "\\b");
        }
        assertThat(named).isNotEmpty();
    }

    @Test
    void everyMutationThatIsNamedIsTried() {
        Matcher matcher = MUTATION.matcher(page);
        List<String> named = new ArrayList<>();
        while (matcher.find()) {
            named.add(matcher.group(1));
            assertThat(mutations).contains('"' + matcher.group(1) + '"');
        }
        assertThat(named).isNotEmpty();
    }

    /** Of what no run can show there is an argument. */
    @Test
    void everyMutationThatIsArguedHasItsArgument() {
        Matcher matcher = ARGUED.matcher(mutations);
        List<String> argued = new ArrayList<>();
        while (matcher.find()) {
            argued.add(matcher.group(1));
            assertThat(page).contains("- mutation \"" + matcher.group(1) + "\": ");
        }
        assertThat(argued).isNotEmpty();
    }

    /** A lesson has a test, a fault or a mutation, or it says that what it is about is to come. */
    @Test
    void everyLessonIsCovered() {
        List<String> rows =
                page.lines().filter(line -> ROW.matcher(line).matches()).toList();
        assertThat(rows).hasSize(LESSONS);
        assertThat(rows)
                .allMatch(row -> TEST.matcher(row).find()
                        || MUTATION.matcher(row).find()
                        || NOT_BUILT.matcher(row).find());
    }
}
