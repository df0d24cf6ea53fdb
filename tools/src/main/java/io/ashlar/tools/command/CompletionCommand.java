package io.ashlar.tools.command;

import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

import java.util.List;

@Command(
        name = "completion",
        description = "Print a shell's completion script: source <(ashlar completion bash)")
final class CompletionCommand extends Leaf {
    private static final List<String> SHELLS = List.of("bash", "zsh");

    @Parameters(paramLabel = "SHELL", description = "bash (zsh reads the same script)")
    private String shell = "bash";

    @Override
    protected int run() {
        if (!SHELLS.contains(shell)) {
            throw new ParameterException(
                    spec().commandLine(),
                    "no completion for \"" + shell + "\": expected bash or zsh");
        }
        CommandLine root = spec().root().commandLine();
        console().out().print(AutoComplete.bash("ashlar", root));
        console().out().flush();
        return CommandTree.DONE;
    }
}
