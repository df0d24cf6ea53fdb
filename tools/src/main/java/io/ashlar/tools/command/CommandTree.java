package io.ashlar.tools.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.AshlarException;
import io.ashlar.tools.output.Console;

import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Supplier;

/**
 * All commands, and the one place where what happened becomes an exit code and a line.
 *
 * <p>A command's classes are loaded only when the arguments name it: reading the annotations of all
 * of them would cost more than most commands do.
 */
public final class CommandTree {
    public static final int DONE = 0;
    public static final int FAILED = 1;
    public static final int USAGE = 2;

    private static final List<String> KERNELS = List.of("isal", "vector", "plain");
    private static final Map<String, Supplier<Object>> COMMANDS = commands();

    private CommandTree() {}

    private static Map<String, Supplier<Object>> commands() {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("demo", DemoCommand::new);
        commands.put("up", UpCommand::new);
        commands.put("down", DownCommand::new);
        commands.put("node", NodeCommand::new);
        commands.put("coordinator", CoordinatorCommand::new);
        commands.put("volume", VolumeCommand::new);
        commands.put("mount", MountCommand::new);
        commands.put("status", StatusCommand::new);
        commands.put("events", EventsCommand::new);
        commands.put("scrub", ScrubCommand::new);
        commands.put("repair", RepairCommand::new);
        commands.put("simulate", SimulateCommand::new);
        commands.put("inspect", InspectCommand::new);
        commands.put("doctor", DoctorCommand::new);
        commands.put("completion", CompletionCommand::new);
        return commands;
    }

    /** Runs one command line; never throws. */
    public static int run(Console console, String... args) {
        String kernel = console.environment("ASHLAR_KERNEL", "");
        if (!kernel.isEmpty() && !KERNELS.contains(kernel)) {
            console.error("ASHLAR_KERNEL is \"" + kernel + "\": expected one of " + KERNELS);
            return USAGE;
        }
        CommandLine commandLine = build(console, args);
        return commandLine.execute(args);
    }

    /** The command line with the commands that the arguments name, or all if they name none. */
    static CommandLine build(Console console, String... args) {
        CommandLine commandLine = new CommandLine(new AshlarCommand(console));
        String named = named(args);
        boolean all = named.equals("completion");
        Map<String, Supplier<Object>> commands =
                all || !COMMANDS.containsKey(named) ? withJoined() : COMMANDS;
        Supplier<Object> only = all ? null : commands.get(named);
        if (only != null) {
            commandLine.addSubcommand(named, only.get());
        } else {
            commands.forEach((name, command) -> commandLine.addSubcommand(name, command.get()));
        }
        Arguments.teach(commandLine);
        commandLine.setOut(new PrintWriter(console.out(), true, UTF_8));
        commandLine.setErr(new PrintWriter(console.err(), true, UTF_8));
        commandLine.setParameterExceptionHandler((e, ignored) -> misused(console, e));
        commandLine.setExecutionExceptionHandler((e, at, result) -> failed(console, e));
        return commandLine;
    }

    /** With those of the modules that this one does not know. */
    private static Map<String, Supplier<Object>> withJoined() {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>(COMMANDS);
        for (CommandProvider provider : ServiceLoader.load(CommandProvider.class)) {
            commands.put(provider.name(), provider::command);
        }
        return commands;
    }

    /** The first word that is neither an option nor an option's value, or empty. */
    private static String named(String... args) {
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--coordinator")) {
                i++;
            } else if (!args[i].startsWith("-")) {
                return args[i];
            }
        }
        return "";
    }

    private static int misused(Console console, ParameterException e) {
        CommandLine at = e.getCommandLine();
        String text = e.getMessage();
        if (e instanceof UnmatchedArgumentException unmatched) {
            String first = unmatched.getUnmatched().getFirst();
            boolean isCommand = !first.startsWith("-") && !at.getSubcommands().isEmpty();
            text = "unknown " + (isCommand ? "command" : "argument") + " \"" + first + "\"";
            if (!unmatched.getSuggestions().isEmpty()) {
                text += ", did you mean " + String.join(" or ", unmatched.getSuggestions()) + "?";
            }
        }
        console.error(text + " (see: " + at.getCommandSpec().qualifiedName() + " --help)");
        return USAGE;
    }

    /** The one place where an error becomes a line and an exit code. */
    private static int failed(Console console, Exception e) {
        String text = switch (e) {
            case AshlarException known -> String.valueOf(known.getMessage());
            case CommandFailed known -> String.valueOf(known.getMessage());
            case java.nio.file.NoSuchFileException missing -> "no such file: " + missing.getFile();
            case java.nio.file.FileAlreadyExistsException there ->
                there.getFile() + " is there already, and no directory";
            case java.nio.file.AccessDeniedException denied -> "not permitted: " + denied.getFile();
            case java.nio.file.FileSystemException other ->
                other.getFile()
                        + (other.getReason() == null
                                ? ": cannot be used"
                                : ": " + other.getReason());
            case java.io.IOException other -> String.valueOf(other.getMessage());
            case IllegalArgumentException noKernel
            when String.valueOf(noKernel.getMessage()).startsWith("no kernel") ->
                "ASHLAR_KERNEL names what is not here: " + noKernel.getMessage();
            case InterruptedException ignored -> "interrupted";
            default -> "this is a bug, please report it: " + e + " (ASHLAR_TRACE=1 shows where)";
        };
        console.error(text);
        if (!console.environment("ASHLAR_TRACE", "").isEmpty()) {
            e.printStackTrace(console.err());
        }
        return FAILED;
    }
}
