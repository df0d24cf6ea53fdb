package io.ashlar.tools.command;

/**
 * A command of a module that this one does not know, found by {@link java.util.ServiceLoader}. It is
 * asked only where the arguments name none of the module's own commands, or all are listed, so it
 * costs the others nothing. The command is an object with picocli's annotations; it reaches the
 * command line that it joined as its specification's root, which is a {@link CommandRoot}.
 */
public interface CommandProvider {

    /** The word that names the command. */
    String name();

    /** A new command; its classes should not be loaded before. */
    Object command();
}
