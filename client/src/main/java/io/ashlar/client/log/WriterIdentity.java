package io.ashlar.client.log;

import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeId;

/**
 * As whom a writer writes.
 *
 * @param epoch the volume's, which every command and append carries
 * @param policy of new segments
 */
public record WriterIdentity(VolumeId volume, String name, long epoch, Policy policy) {}
