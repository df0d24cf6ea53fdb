/*
 * What ISA-L does when a C program calls it: the measure of Ashlar's kernels.
 *
 * Reads lines "<operation> <columns> <rows> <cellBytes> <milliseconds>" and answers each with
 * "<calls> <nanoseconds>". The operation "encode" is one ec_encode_data of whole cells;
 * "encode+crc" is that and then the CRC32C of every 4 KiB piece of every cell; "reconstruct" codes
 * the first cells from the following ones. Cells are adjacent; for every line they are allocated anew
 * and begin at a page chosen at random, because luck with addresses moves speed by a quarter.
 */
#include <isa-l.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CELLS 64
#define PIECE_BYTES 4096
#define SLACK_PIECES 256

/* The thread's own time, which other programs on the machine do not lengthen. */
static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Keeps the compiler from dropping checksums that nobody reads. */
static volatile unsigned int checksum;

static void check(unsigned char *cell, int cellBytes) {
    for (int offset = 0; offset < cellBytes; offset += PIECE_BYTES) {
        int length = cellBytes - offset < PIECE_BYTES ? cellBytes - offset : PIECE_BYTES;
        checksum = crc32_iscsi(cell + offset, length, 0xffffffff);
    }
}

static void run(int withCrc, int firstOutput, int columns, int rows, int cellBytes, int milliseconds) {
    unsigned char matrix[MAX_CELLS * MAX_CELLS];
    unsigned char tables[32 * MAX_CELLS * MAX_CELLS];
    unsigned char *cells[MAX_CELLS];
    unsigned char *inputs[MAX_CELLS];
    unsigned char *outputs[MAX_CELLS];
    void *memory;
    unsigned char *firstCell;
    int cellCount = columns + rows;
    size_t bytes = (size_t) cellCount * cellBytes + SLACK_PIECES * PIECE_BYTES;

    gf_gen_rs_matrix(matrix, cellCount, columns);
    ec_init_tables(columns, rows, matrix + columns * columns, tables);
    if (posix_memalign(&memory, PIECE_BYTES, bytes) != 0) {
        exit(1);
    }
    memset(memory, 0x5a, bytes); /* The time does not depend on the content. */
    firstCell = (unsigned char *) memory + rand() % SLACK_PIECES * PIECE_BYTES;
    for (int cell = 0; cell < cellCount; cell++) {
        cells[cell] = firstCell + (size_t) cell * cellBytes;
    }
    for (int row = 0; row < rows; row++) {
        outputs[row] = cells[firstOutput + row];
    }
    for (int column = 0; column < columns; column++) {
        inputs[column] = cells[column < firstOutput ? column : column + rows];
    }

    int64_t calls = 0;
    int64_t start = now();
    int64_t warm = start + milliseconds * INT64_C(1000000) / 4;
    int64_t end = warm + milliseconds * INT64_C(1000000);
    int64_t time;
    int isWarm = 0;
    do {
        for (int call = 0; call < 16; call++) {
            ec_encode_data(cellBytes, columns, rows, tables, inputs, outputs);
            for (int cell = 0; withCrc && cell < cellCount; cell++) {
                check(cells[cell], cellBytes);
            }
        }
        calls += 16;
        time = now();
        if (!isWarm && time >= warm) {
            isWarm = 1;
            calls = 0;
            start = time;
        }
    } while (time < end);
    printf("%lld %lld\n", (long long) calls, (long long) (time - start));
    fflush(stdout);
    free(memory);
}

int main(void) {
    char operation[16];
    int columns;
    int rows;
    int cellBytes;
    int milliseconds;
    printf("ISA-L %d.%d.%d\n", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ISAL_PATCH_VERSION);
    fflush(stdout);
    while (scanf("%15s %d %d %d %d", operation, &columns, &rows, &cellBytes, &milliseconds) == 5) {
        if (columns < 1 || rows < 1 || columns + rows > MAX_CELLS) {
            return 1;
        }
        int withCrc = strcmp(operation, "encode+crc") == 0;
        int firstOutput = strcmp(operation, "reconstruct") == 0 ? 0 : columns;
        run(withCrc, firstOutput, columns, rows, cellBytes, milliseconds);
    }
    return 0;
}
