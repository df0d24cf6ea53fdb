package io.ashlar.tools.command;

/** A size on the command line. */
record ByteCount(long bytes) {}
