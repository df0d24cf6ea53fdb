/*
 * What ISA-L does when a C program calls it: the measure of Ashlar's kernels.
 *
 * Reads lines "<operation> <columns> <rows> <cellBytes> <milliseconds>" and answers each with
 * "<calls> <nanoseconds>". The operation "code" is one ec_encode_data of whole cells, which is an
 * encoding and a reconstruction alike; "code+crc" is that and then the CRC32C of every 4 KiB piece
 * of every cell. Memory is allocated anew for every line, as one block of adjacent cells.
 */
#include <isa-l.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CELLS 64
#define PIECE_BYTES 4096

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
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

static void run(int withCrc, int columns, int rows, int cellBytes, int milliseconds) {
    unsigned char matrix[MAX_CELLS * MAX_CELLS];
    unsigned char tables[32 * MAX_CELLS * MAX_CELLS];
    unsigned char *cells[MAX_CELLS];
    void *memory;
    int cellCount = columns + rows;
    size_t bytes = (size_t) cellCount * cellBytes;

    gf_gen_rs_matrix(matrix, cellCount, columns);
    ec_init_tables(columns, rows, matrix + columns * columns, tables);
    if (posix_memalign(&memory, PIECE_BYTES, bytes) != 0) {
        exit(1);
    }
    memset(memory, 0x5a, bytes); /* The time does not depend on the content. */
    for (int cell = 0; cell < cellCount; cell++) {
        cells[cell] = (unsigned char *) memory + (size_t) cell * cellBytes;
    }

    int64_t calls = 0;
    int64_t start = now();
    int64_t warm = start + milliseconds * INT64_C(1000000) / 4;
    int64_t end = warm + milliseconds * INT64_C(1000000);
    int64_t time;
    int isWarm = 0;
    do {
        for (int call = 0; call < 16; call++) {
            ec_encode_data(cellBytes, columns, rows, tables, cells, cells + columns);
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
        run(strcmp(operation, "code+crc") == 0, columns, rows, cellBytes, milliseconds);
    }
    return 0;
}
