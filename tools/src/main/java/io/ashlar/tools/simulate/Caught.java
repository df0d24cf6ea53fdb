package io.ashlar.tools.simulate;

/** Violations found where the product would only swallow them, as inside a future's stage. */
final class Caught {
    private Caught() {}

    /** Runs a check; what it finds ends the run as the schedule's next event. */
    static void in(Schedule schedule, Runnable check) {
        try {
            check.run();
        } catch (RuntimeException e) {
            schedule.world(0, () -> {
                throw e;
            });
        }
    }
}
