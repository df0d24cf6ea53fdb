package io.ashlar.tools.command;

import picocli.CommandLine.Command;

@Command(
        name = "coordinator",
        description = "Coordinators.",
        subcommands = {MemberStart.class})
final class CoordinatorCommand extends Group {}
