package io.ashlar.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NbdErrorTest {
    @ParameterizedTest
    @CsvSource({
        "UNAVAILABLE, 5",
        "FENCED, 108",
        "CORRUPT, 5",
        "INSUFFICIENT_SHARDS, 5",
        "NO_SPACE, 28",
        "INCOMPATIBLE, 5",
        "NOT_FOUND, 5",
        "INVALID, 22",
    })
    void isOfTheSpecification(ErrorCode code, int number) {
        assertThat(NbdError.of(exception(code)).number()).isEqualTo(number);
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"ERROR_CODE_UNSPECIFIED", "UNRECOGNIZED"})
    void coversEveryErrorThatThereIs(ErrorCode code) {
        assertThat(NbdError.of(exception(code)).number()).isPositive();
    }

    private static AshlarException exception(ErrorCode code) {
        return AshlarException.of(
                Failure.newBuilder().setCode(code).setMessage("so").build());
    }
}
