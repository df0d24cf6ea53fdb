package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.model.VolumeSize;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/**
 * What the words of a command line mean. Whatever can be judged from the words alone is judged here,
 * while they are parsed, and is misuse: exit code 2, before anything is asked of a cluster. What only
 * the cluster, the drives or the files can tell fails in operation, with exit code 1.
 */
final class Arguments {
    private Arguments() {}

    /** Reads one word; throws either exception, with the reason, where it means nothing. */
    private interface Reader<T> {
        T read(String word) throws AshlarException.Invalid;
    }

    /** Teaches a command line, with all commands that it has by now, the types of its arguments. */
    static void teach(CommandLine commandLine) {
        teach(commandLine, ByteCount.class, word -> new ByteCount(Sizes.parse(word)));
        teach(commandLine, Compression.class, Compression::parse);
        teach(commandLine, Coordinators.class, Coordinators::parse);
        teach(commandLine, Policy.class, Policy::parse);
        teach(commandLine, SegmentId.class, Arguments::segment);
        teach(commandLine, VolumeName.class, VolumeName::parse);
        teach(commandLine, VolumeSize.class, word -> VolumeSize.of(Sizes.parse(word)));
    }

    private static SegmentId segment(String word) throws AshlarException.Invalid {
        try {
            return SegmentId.parse(word);
        } catch (IllegalArgumentException e) {
            throw new AshlarException.Invalid(
                    "\"" + word + "\" is not a segment's id: expected 32 hexadecimal digits");
        }
    }

    private static <T> void teach(CommandLine commandLine, Class<T> type, Reader<T> reader) {
        commandLine.registerConverter(type, word -> {
            try {
                return reader.read(word);
            } catch (AshlarException.Invalid | IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        });
    }
}
