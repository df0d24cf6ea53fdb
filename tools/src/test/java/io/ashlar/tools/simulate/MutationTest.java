package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Deliberate defects of the protocol, each of which the simulator has to find within so many seeds as
 * the property says. What is not found says that the simulator is too narrow. That runs only where
 * the property is given, as it takes long: every defect runs in classes of its own, which the JVM
 * compiles anew. What a defect changes is looked for in every build.
 */
class MutationTest {
    private static final String PROPERTY = "ashlar.mutation.seeds";

    /** Only the defects whose names hold this. */
    private static final String ONLY = System.getProperty("ashlar.mutation.only", "");

    private static final long SEEDS = Long.getLong(PROPERTY, 0);

    /** What a change of the bytecode that does not fit comes to. */
    private static final String[] NOT_THE_DEFECT = {
        "ClassCastException", "VerifyError", "LinkageError", "NoSuchMethodError"
    };

    /** Where the seeds begin. */
    private static final long FIRST = Long.getLong("ashlar.mutation.first", 1);

    static Stream<Mutation> defects() {
        return Mutations.all().filter(mutation -> mutation.name().contains(ONLY));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("defects")
    void hasItsPlace(Mutation mutation) throws IOException {
        for (Change change : mutation.changes()) {
            String file = "/" + change.className().replace('.', '/') + ".class";
            try (InputStream in = MutationTest.class.getResourceAsStream(file)) {
                assertThat(in).as(change.className()).isNotNull();
                byte[] bytes = Objects.requireNonNull(in).readAllBytes();
                assertThat(change.applyTo(bytes)).as(change.toString()).isNotEqualTo(bytes);
            }
        }
    }

    static Stream<Mutation> defectsToBeFound() {
        return defects().filter(mutation -> !mutation.isArgued());
    }

    @EnabledIfSystemProperty(named = PROPERTY, matches = "[1-9]\\d*")
    @ParameterizedTest(name = "{0}")
    @MethodSource("defectsToBeFound")
    void isFound(Mutation mutation) throws ReflectiveOperationException {
        MutantLoader mutant = new MutantLoader(mutation, MutationTest.class.getClassLoader());
        String found = "";
        long tried = 0;
        while (found.isEmpty() && tried < SEEDS) {
            found = mutant.violationOf(FIRST + tried);
            tried++;
        }
        System.out.println(mutation.name() + ": after " + tried + " seeds, " + found);
        assertThat(found)
                .as("found within %d seeds: %s", SEEDS, mutation.name())
                .isNotEmpty()
                .doesNotContain(NOT_THE_DEFECT);
    }
}
