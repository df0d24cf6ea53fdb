package io.ashlar.client;

/**
 * What happened to a volume since it was opened.
 *
 * @param stripes acknowledged
 * @param rolls times that the log went on in another segment because a participant failed
 * @param degradedReads reads that had to be decoded
 * @param decodedBytes what they decoded
 * @param contradictions decodes of cells that agreed in everything, and gave other bytes than these or
 *     the map tell, in reads of the volume's blocks; none is ever handed out. Other than 0 it is
 *     failing memory, or a defect
 * @param damageReports cells found damaged or missing
 * @param lostBlocks blocks whose content could not be recovered
 */
public record VolumeStats(
        long stripes,
        long rolls,
        long degradedReads,
        long decodedBytes,
        long contradictions,
        long damageReports,
        long lostBlocks) {}
