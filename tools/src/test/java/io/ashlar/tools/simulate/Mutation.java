package io.ashlar.tools.simulate;

import java.util.List;

/**
 * A deliberate defect: what is changed in the classes of the product as they are loaded. The product
 * itself knows nothing of it. Where two defences hold against the same thing, a defect changes both.
 *
 * @param name what is wrong then
 * @param isArgued whether it makes no difference that a run can show: docs/testing.md says why
 * @param isBeyond whether it shows only where more is lost than can be survived
 */
record Mutation(String name, List<Change> changes, boolean isArgued, boolean isBeyond) {

    @Override
    public String toString() {
        return name;
    }

    /** A class with the defect. */
    byte[] applyTo(String className, byte[] classBytes) {
        byte[] changed = classBytes;
        for (Change change : changes) {
            if (change.className().equals(className)) {
                changed = change.applyTo(changed);
            }
        }
        return changed;
    }
}
