/* test_lsm6ds3trc: the driver against a model of the chip's registers and FIFO, with a bus that can break. */
#include <stdbool.h>
#include <string.h>

#include "anchor.h"
#include "lsm6ds3trc.h"

#include "check.h"

/* --- the chip, as its data sheet has it --------------------------------------------------------------------------- */
#define WORDS_MAX 2048

static struct {
    uint8_t reg[128];
    int16_t fifo[WORDS_MAX];
    unsigned head, count, pattern; /* pattern: which word of a set comes next */
    bool overrun, stuck;           /* stuck: a reset that never ends */
    unsigned resetting, waited_ms;
    int breaks;                    /* the bus access that goes wrong, counted down; -1: none */
    unsigned accesses;
} chip;

static void chip_new(void)
{
    memset(&chip, 0, sizeof chip);
    chip.reg[0x0F] = 0x6A;
    chip.reg[0x12] = 0x04;
    chip.breaks = -1;
}

static bool running(void) { return (chip.reg[0x0A] & 7) == 6 && chip.reg[0x08] == 0x09 && chip.reg[0x10] >> 4; }

static void empty(void) { chip.count = chip.pattern = 0, chip.overrun = false; }

/* The chip takes a sample of six words: gyr x y z, acc x y z. */
static void sample(int16_t number)
{
    if (!running()) return;
    for (int i = 0; i < 6; i++) {
        if (chip.count == WORDS_MAX - 1) { /* continuous: the oldest word goes */
            chip.head = (chip.head + 1) % WORDS_MAX, chip.count--, chip.pattern = (chip.pattern + 1) % 6;
            chip.overrun = true;
        }
        chip.fifo[(chip.head + chip.count++) % WORDS_MAX] = (int16_t)(i < 3 ? 100 * i + number : -100 * i - number);
    }
}

static uint8_t read_one(uint8_t reg)
{
    unsigned level = chip.count;
    switch (reg) {
    case 0x12:
        if (chip.resetting > 0 && !chip.stuck && --chip.resetting == 0)
            memset(chip.reg, 0, 0x0F), chip.reg[0x12] = 4;
        return (uint8_t)(chip.reg[0x12] | (chip.resetting > 0));
    case 0x3A: return (uint8_t)(level & 0xFF);
    case 0x3B: return (uint8_t)(level >> 8 | (chip.overrun ? 0x40u : 0u) | (level == 0 ? 0x10u : 0u));
    case 0x3C: return (uint8_t)chip.pattern;
    case 0x3D: return 0;
    case 0x3E: return (uint8_t)(chip.fifo[chip.head] & 0xFF);
    case 0x3F: {
        uint8_t high = (uint8_t)((uint16_t)chip.fifo[chip.head] >> 8);
        if (chip.count > 0)
            chip.head = (chip.head + 1) % WORDS_MAX, chip.count--, chip.pattern = (chip.pattern + 1) % 6;
        return high;
    }
    default: return chip.reg[reg & 127];
    }
}

static bool broken(void)
{
    chip.accesses++;
    return chip.breaks >= 0 && chip.breaks-- == 0;
}

static int bus_read(void *board, uint8_t reg, uint8_t *to, size_t n)
{
    (void)board;
    if (broken()) return -5;
    CHECK(n <= 64, "a read of %u bytes: some boards' buffers have 64", (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        to[i] = read_one(reg);
        reg = (uint8_t)(reg == 0x3F ? 0x3E : chip.reg[0x12] & 4 ? reg + 1 : reg); /* the FIFO's output goes round */
    }
    return 0;
}

static int bus_write(void *board, uint8_t reg, uint8_t value)
{
    (void)board;
    if (broken()) return -5;
    if (reg == 0x12 && value & 1) chip.resetting = 3;
    chip.reg[reg & 127] = reg == 0x12 ? (uint8_t)(value & 0xFE) : value;
    if (reg == 0x0A && (value & 7) == 0) empty();
    return 0;
}

static void bus_wait(void *board, uint32_t ms)
{
    (void)board;
    chip.waited_ms += ms;
}

static const lsm6_bus_t BUS = {NULL, bus_read, bus_write, bus_wait};
static lsm6_t d;
static int16_t got[400][6];
static size_t count;

/* --- tests -------------------------------------------------------------------------------------------------------- */
static void finds_the_chip(void)
{
    chip_new();
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OK, "init");
    CHECK(chip.reg[0x12] == 0x44 && chip.waited_ms >= 2, "CTRL3_C %02x after %u ms", chip.reg[0x12], chip.waited_ms);
    CHECK(lsm6_read(&d, got, 9, &count) == LSM6_OFF && count == 0, "read before start");
    chip.reg[0x0F] = 0x69;
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OTHER_CHIP, "another chip");
    chip_new();
    chip.stuck = true;
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_NO_RESET && chip.waited_ms < 100, "waited %u ms", chip.waited_ms);
    CHECK(lsm6_init(&d, &BUS, 12, 2000) == LSM6_RANGE && lsm6_init(&d, &BUS, 16, 2294) == LSM6_RANGE, "ranges");
}

static void scales_and_rates(void)
{
    static const struct { uint16_t g, deg_s; uint8_t acc, gyr; uint16_t range; } SCALES[] = {
        {2, 125, 0x0, 0x2, 143}, {4, 250, 0x8, 0x0, 287}, {8, 500, 0xC, 0x4, 573}, {16, 1000, 0x4, 0x8, 1147},
        {16, 2000, 0x4, 0xC, 2294}};
    static const struct { uint16_t asked, rate; uint8_t odr; } RATES[] = {
        {16, 26, 2},   {26, 26, 2},   {27, 52, 3},   {100, 104, 4},
        {104, 104, 4}, {200, 208, 5}, {209, 416, 6}, {833, 833, 7}};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 8; k++) {
            chip_new();
            CHECK(lsm6_init(&d, &BUS, SCALES[i].g, SCALES[i].deg_s) == LSM6_OK, "init");
            CHECK(lsm6_start(&d, RATES[k].asked, 5) == LSM6_OK && d.rate == RATES[k].rate, "%u Hz", d.rate);
            CHECK(chip.reg[0x10] == (RATES[k].odr << 4 | SCALES[i].acc), "CTRL1_XL %02x", chip.reg[0x10]);
            CHECK(chip.reg[0x11] == (RATES[k].odr << 4 | SCALES[i].gyr), "CTRL2_G %02x", chip.reg[0x11]);
            CHECK(chip.reg[0x0A] == (RATES[k].odr << 3 | 6), "FIFO_CTRL5 %02x", chip.reg[0x0A]);
            CHECK(chip.reg[0x06] == 30 && chip.reg[0x07] == 0 && chip.reg[0x0D] == 8, "watermark and interrupt");
            CHECK(chip.waited_ms >= 70, "the gyroscope has %u ms to start", chip.waited_ms);
            CHECK(lsm6_gyr_range(SCALES[i].deg_s) == SCALES[i].range, "range");
            CHECK(lsm6_acc_range(SCALES[i].g) == SCALES[i].g, "range");
        }
    CHECK(lsm6_start(&d, 834, 5) == LSM6_RANGE && lsm6_start(&d, 100, 0) == LSM6_RANGE, "rate and watermark");
    CHECK(lsm6_start(&d, 100, 171) == LSM6_RANGE && lsm6_gyr_range(1) == 0, "more than half of the FIFO");
    CHECK(lsm6_start(&d, 100, 100) == LSM6_OK && chip.reg[0x06] == 0x58 && chip.reg[0x07] == 0x02, "600 words");
}

static void samples_come_in_order(void)
{
    static const size_t MANY[] = {0, 1, 5, 7, 8, 9, 40, 300};
    int16_t pushed = 0, next = 0;
    chip_new();
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OK && lsm6_start(&d, 104, 5) == LSM6_OK, "start");
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < MANY[i]; k++) sample(pushed++);
        CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OK && count == MANY[i], "%u samples", (unsigned)count);
        for (size_t k = 0; k < count; k++, next++) {
            int16_t want[6];
            for (int a = 0; a < 3; a++) {
                want[a] = (int16_t)(-300 - 100 * a - next);
                want[3 + a] = (int16_t)(100 * a + next);
            }
            CHECK(memcmp(got[k], want, sizeof want) == 0, "sample %d", next);
        }
    }
    for (int k = 0; k < 10; k++) sample(0);
    CHECK(lsm6_read(&d, got, 4, &count) == LSM6_OK && count == 4, "no more than asked for");
    CHECK(lsm6_read(&d, got, 4, &count) == LSM6_OK && count == 4 && got[0][3] == 0, "the rest stays");
    CHECK(lsm6_stop(&d) == LSM6_OK && chip.reg[0x10] == 0 && chip.reg[0x11] == 0 && chip.reg[0x0D] == 0, "off");
}

static void an_overrun_begins_again(void)
{
    chip_new();
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OK && lsm6_start(&d, 104, 5) == LSM6_OK, "start");
    for (int16_t k = 0; k < 1000; k++) sample(k);
    CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OVERRUN && count == 0 && chip.count == 0, "overrun");
    sample(77);
    CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OK && count == 1 && got[0][3] == 77, "and goes on");
    chip.overrun = true; /* as if just one set too many came in: the words are in step */
    CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OVERRUN, "told by the chip");
    sample(78), sample(79);
    (void)read_one(0x3F); /* somebody read one word: the next is not the first of a set */
    CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OVERRUN, "out of step");
    sample(80);
    CHECK(lsm6_read(&d, got, 400, &count) == LSM6_OK && count == 1 && got[0][3] == 80, "and in step again");
}

/* Whichever access to the bus goes wrong, it is told, and the next attempt works. */
static void a_broken_bus(void)
{
    unsigned all;
    chip_new();
    CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OK && lsm6_start(&d, 104, 5) == LSM6_OK, "start");
    sample(1);
    CHECK(lsm6_read(&d, got, 9, &count) == LSM6_OK && lsm6_stop(&d) == LSM6_OK, "read and stop");
    all = chip.accesses;
    CHECK(all > 15, "%u accesses", all);
    for (int i = 0; i < (int)all; i++) {
        int e;
        chip_new();
        chip.breaks = i;
        count = 0;
        e = lsm6_init(&d, &BUS, 16, 2000);
        if (e == LSM6_OK) e = lsm6_start(&d, 104, 5);
        sample(1);
        if (e == LSM6_OK) e = lsm6_read(&d, got, 9, &count);
        CHECK(e == LSM6_OK || count == 0, "access %d", i);
        if (e == LSM6_OK) e = lsm6_stop(&d);
        CHECK(e == LSM6_BUS, "access %d: %d", i, e);
        CHECK(lsm6_init(&d, &BUS, 16, 2000) == LSM6_OK && lsm6_start(&d, 104, 5) == LSM6_OK, "access %d: again", i);
        sample(5);
        CHECK(lsm6_read(&d, got, 9, &count) == LSM6_OK && count == 1 && got[0][3] == 5, "access %d: reads", i);
    }
}

/* An IMU that runs 4 % fast, interrupts up to 60 us late, reads up to 30 ms late: every time within 0.2 ms. */
static void times_of_samples(void)
{
    const double step = 1e6 / (104 * 1.04);
    uint64_t times[64], last = 0;
    uint32_t r = 7, number = 0;
    anchor_t a;
    double worst = 0;
    anchor_init(&a, 104, 5);
    for (int block = 0; block < 500; block++) {
        double rise = 1e6 + (number + 4) * step; /* when the fifth waits */
        uint32_t n = 5 + check_random(&r) % 4;
        CHECK(anchor_times(&a, (uint64_t)rise + check_random(&r) % 60, n, times), "block %d", block);
        for (uint32_t i = 0; i < n; i++, number++) {
            double off = (double)times[i] - (1e6 + number * step);
            worst = block > 0 && off * off > worst * worst ? off : worst;
            CHECK(times[i] > last, "block %d: sample %u", block, (unsigned)i);
            last = times[i];
        }
    }
    CHECK(worst * worst < 200.0 * 200.0, "%d us", (int)worst);
    CHECK(!anchor_times(&a, last, 4, times), "fewer than raise the interrupt");
    anchor_init(&a, 26, 5);
    CHECK(anchor_times(&a, 10, 5, times) && times[4] == 10, "at the very beginning");
    for (int i = 1; i < 5; i++) CHECK(times[i] > times[i - 1], "sample %d at the very beginning", i);
}

int main(void)
{
    finds_the_chip();
    scales_and_rates();
    samples_come_in_order();
    an_overrun_begins_again();
    a_broken_bus();
    times_of_samples();
    return check_done("lsm6ds3trc");
}
