package io.ashlar.tools.command;

/** A size on the command line. */
public record ByteCount(long bytes) {}
