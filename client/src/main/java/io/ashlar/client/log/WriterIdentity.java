package io.ashlar.client.log;

import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeId;
import io.ashlar.ec.ReedSolomon;

/**
 * As whom a writer writes.
 *
 * @param epoch the volume's, which every command and append carries
 * @param policy of new segments
 */
public record WriterIdentity(VolumeId volume, String name, long epoch, Policy policy) {

    /** What its stripes are coded with. */
    ReedSolomon code() {
        return ReedSolomon.of(policy.k(), policy.m());
    }
}
