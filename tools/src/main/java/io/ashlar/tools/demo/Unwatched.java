package io.ashlar.tools.demo;

import io.ashlar.tools.output.Progress;

/** Progress that nobody is shown: the story has its own lines. */
final class Unwatched implements Progress {
    @Override
    public void reached(long doneBytes) {}

    @Override
    public void close() {}
}
