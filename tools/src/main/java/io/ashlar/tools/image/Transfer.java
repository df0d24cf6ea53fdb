package io.ashlar.tools.image;

import io.ashlar.tools.output.Sizes;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What an import or export moved.
 *
 * @param imageBytes of the image, holes included
 * @param dataBytes that were not all zeros
 */
public record Transfer(long imageBytes, long dataBytes, long nanos) {

    public String text() {
        return Sizes.format(imageBytes) + " (" + Sizes.format(dataBytes) + " of them data) in "
                + Sizes.seconds(nanos) + ", " + Sizes.rate(imageBytes, nanos);
    }

    public Map<String, Object> json(String volume) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("volume", volume);
        object.put("imageBytes", imageBytes);
        object.put("dataBytes", dataBytes);
        object.put("seconds", round(nanos / 1e9));
        object.put("mibPerSecond", round(imageBytes / 1048576.0 / (Math.max(nanos, 1) / 1e9)));
        return object;
    }

    private static double round(double value) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.3f", value));
    }
}
