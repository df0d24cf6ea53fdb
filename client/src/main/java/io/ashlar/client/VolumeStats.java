package io.ashlar.client;

/**
 * What happened to a volume since it was opened.
 *
 * @param stripes acknowledged
 * @param rolls times that the log went on in another segment because a participant failed
 * @param degradedReads reads that had to be decoded
 * @param decodedBytes what they decoded
 * @param damageReports cells found damaged or missing
 * @param lostBlocks blocks whose content could not be recovered
 */
public record VolumeStats(
        long stripes,
        long rolls,
        long degradedReads,
        long decodedBytes,
        long damageReports,
        long lostBlocks) {}
