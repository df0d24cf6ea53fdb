package io.ashlar.bench;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may use whom; here, because the last module sees all others. */
class ModuleDirectionsTest {
    @SuppressWarnings("NullAway.Init")
    private static JavaClasses classes;

    @BeforeAll
    static void readClasses() {
        classes = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("io.ashlar");
    }

    @Test
    void modulesUseOnlyThoseBelowThem() {
        layeredArchitecture()
                .consideringAllDependencies()
                .layer("ec")
                .definedBy("io.ashlar.ec..")
                .layer("client")
                .definedBy("io.ashlar.client..")
                .layer("node")
                .definedBy("io.ashlar.node..")
                .layer("coordinator")
                .definedBy("io.ashlar.coordinator..")
                .layer("tools")
                .definedBy("io.ashlar.tools..")
                .layer("bench")
                .definedBy("io.ashlar.bench..")
                .whereLayer("bench")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("tools")
                .mayOnlyBeAccessedByLayers("bench")
                .whereLayer("coordinator")
                .mayOnlyBeAccessedByLayers("tools", "bench")
                .whereLayer("node")
                .mayOnlyBeAccessedByLayers("tools", "bench")
                .whereLayer("client")
                .mayOnlyBeAccessedByLayers("node", "coordinator", "tools", "bench")
                .withOptionalLayers(true)
                .check(classes);
    }

    @Test
    void codingUsesTheJdkOnly() {
        ArchRule rule = ArchRuleDefinition.classes()
                .that()
                .resideInAPackage("io.ashlar.ec..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "io.ashlar.ec..", "java..", "jdk.incubator.vector..", "org.jspecify..");
        rule.check(classes);
    }

    @Test
    void nettyStaysInTransportAndNbd() {
        ArchRule rule = ArchRuleDefinition.noClasses()
                .that()
                .resideOutsideOfPackages("io.ashlar.client.transport..", "io.ashlar.client.nbd..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.netty..");
        rule.check(classes);
    }

    @Test
    void raftAndRocksStayInTheCoordinator() {
        ArchRule rule = ArchRuleDefinition.noClasses()
                .that()
                .resideOutsideOfPackage("io.ashlar.coordinator..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.ratis..", "org.rocksdb..");
        rule.check(classes);
    }
}
