package io.ashlar.tools.command;

/** A command of {@code ashlar bench}: a service, found by its class. */
public abstract class BenchLeaf extends Leaf {}
