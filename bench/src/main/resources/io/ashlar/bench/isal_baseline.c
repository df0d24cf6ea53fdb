/*
 * What ISA-L does when a C program calls it: the measure of Ashlar's kernels.
 *
 * Reads lines "<operation> <columns> <rows> <cellBytes> ms <duration>", or "... calls <count>", and
 * answers each with "<calls> <nanoseconds>". The operation "encode" is one ec_encode_data of whole
 * cells; "encode+crc" is that and then the CRC32C of every 4 KiB piece of every cell; "reconstruct"
 * codes the first cells from the following ones. Cells are adjacent and begin at a page chosen at
 * random, because luck with addresses moves speed by a quarter: anew for every line with a duration,
 * and where the shape changes for lines with a count.
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
#define CALLS_BETWEEN_CLOCKS 16

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

/* A stripe to code again and again. */
struct work {
    int columns;
    int rows;
    int cellBytes;
    int firstOutput;
    void *memory;
    unsigned char tables[32 * MAX_CELLS * MAX_CELLS];
    unsigned char *cells[MAX_CELLS];
    unsigned char *inputs[MAX_CELLS];
    unsigned char *outputs[MAX_CELLS];
};

static void prepare(struct work *work, int firstOutput, int columns, int rows, int cellBytes) {
    unsigned char matrix[MAX_CELLS * MAX_CELLS];
    unsigned char *firstCell;
    int cellCount = columns + rows;
    size_t bytes = (size_t) cellCount * cellBytes + SLACK_PIECES * PIECE_BYTES;

    free(work->memory);
    work->columns = columns;
    work->rows = rows;
    work->cellBytes = cellBytes;
    work->firstOutput = firstOutput;
    gf_gen_rs_matrix(matrix, cellCount, columns);
    ec_init_tables(columns, rows, matrix + columns * columns, work->tables);
    if (posix_memalign(&work->memory, PIECE_BYTES, bytes) != 0) {
        exit(1);
    }
    memset(work->memory, 0x5a, bytes); /* The time does not depend on the content. */
    firstCell = (unsigned char *) work->memory + rand() % SLACK_PIECES * PIECE_BYTES;
    for (int cell = 0; cell < cellCount; cell++) {
        work->cells[cell] = firstCell + (size_t) cell * cellBytes;
    }
    for (int row = 0; row < rows; row++) {
        work->outputs[row] = work->cells[firstOutput + row];
    }
    for (int column = 0; column < columns; column++) {
        work->inputs[column] = work->cells[column < firstOutput ? column : column + rows];
    }
}

static void code(struct work *work, int withCrc, int64_t calls) {
    for (int64_t call = 0; call < calls; call++) {
        ec_encode_data(work->cellBytes, work->columns, work->rows, work->tables, work->inputs,
                       work->outputs);
        for (int cell = 0; withCrc && cell < work->columns + work->rows; cell++) {
            check(work->cells[cell], work->cellBytes);
        }
    }
}

static void answer(int64_t calls, int64_t start) {
    printf("%lld %lld\n", (long long) calls, (long long) (now() - start));
    fflush(stdout);
}

static void codeFor(struct work *work, int withCrc, int64_t milliseconds) {
    int64_t begin = now();
    int64_t calls = 0;
    while (now() < begin + milliseconds * INT64_C(1000000) / 4) {
        code(work, withCrc, CALLS_BETWEEN_CLOCKS);
    }
    int64_t start = now();
    while (now() < start + milliseconds * INT64_C(1000000)) {
        code(work, withCrc, CALLS_BETWEEN_CLOCKS);
        calls += CALLS_BETWEEN_CLOCKS;
    }
    answer(calls, start);
}

static void codeTimes(struct work *work, int withCrc, int64_t calls) {
    int64_t start = now();
    code(work, withCrc, calls);
    answer(calls, start);
}

int main(void) {
    static struct work work;
    char operation[16];
    char unit[8];
    int columns;
    int rows;
    int cellBytes;
    long long amount;
    printf("ISA-L %d.%d.%d\n", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ISAL_PATCH_VERSION);
    fflush(stdout);
    while (scanf("%15s %d %d %d %7s %lld", operation, &columns, &rows, &cellBytes, unit, &amount)
           == 6) {
        int withCrc = strcmp(operation, "encode+crc") == 0;
        int firstOutput = strcmp(operation, "reconstruct") == 0 ? 0 : columns;
        int isTimed = strcmp(unit, "ms") == 0;
        if (columns < 1 || rows < 1 || columns + rows > MAX_CELLS) {
            return 1;
        }
        if (isTimed || columns != work.columns || rows != work.rows
            || cellBytes != work.cellBytes || firstOutput != work.firstOutput) {
            prepare(&work, firstOutput, columns, rows, cellBytes);
        }
        if (isTimed) {
            codeFor(&work, withCrc, amount);
        } else {
            codeTimes(&work, withCrc, amount);
        }
    }
    return 0;
}
