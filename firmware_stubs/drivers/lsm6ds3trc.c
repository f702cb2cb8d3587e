/* lsm6ds3trc: see lsm6ds3trc.h. */
#include "lsm6ds3trc.h"

#include <stdbool.h>

enum {
    FIFO_CTRL1 = 0x06, FIFO_CTRL2 = 0x07, FIFO_CTRL3 = 0x08, FIFO_CTRL4 = 0x09, FIFO_CTRL5 = 0x0A, INT1_CTRL = 0x0D,
    WHO_AM_I = 0x0F, CTRL1_XL = 0x10, CTRL2_G = 0x11, CTRL3_C = 0x12, FIFO_STATUS1 = 0x3A, FIFO_DATA = 0x3E
};
#define CHIP 0x6Au
#define SW_RESET 0x01u
#define BDU_IF_INC 0x44u         /* both bytes of a value of one time; registers follow each other in one read */
#define BOTH_UNDECIMATED 0x09u   /* FIFO_CTRL3: a set is gyr x y z, acc x y z */
#define CONTINUOUS 0x06u         /* FIFO_CTRL5: the newest samples stay */
#define INT1_FTH 0x08u
#define WORDS 6u                 /* of a set */
#define FIFO_SETS 340u           /* 2047 words */
#define CHUNK 5u                 /* sets in one read: 60 bytes, since bus libraries have buffers of 64 */
#define RESET_TRIES 10u
#define GYR_ON_MS 80u            /* AN5130: the first 70 ms of a gyroscope that was off are of no use */

static const struct { uint16_t g; uint8_t bits; } ACC[] = {{2, 0x00}, {4, 0x08}, {8, 0x0C}, {16, 0x04}};
static const struct { uint16_t deg_s; uint8_t bits; uint16_t range; } GYR[] = {
    {125, 0x02, 143}, {250, 0x00, 287}, {500, 0x04, 573}, {1000, 0x08, 1147}, {2000, 0x0C, 2294}};
static const struct { uint16_t hz; uint8_t bits; } ODR[] = {{26, 2}, {52, 3}, {104, 4}, {208, 5}, {416, 6}, {833, 7}};
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int put(lsm6_t *d, uint8_t reg, uint8_t value)
{
    return d->bus.write(d->bus.board, reg, value) == 0 ? LSM6_OK : LSM6_BUS;
}

static int get(lsm6_t *d, uint8_t reg, uint8_t *to, size_t n)
{
    return d->bus.read(d->bus.board, reg, to, n) == 0 ? LSM6_OK : LSM6_BUS;
}

/* Registers one after the other, until one is not taken. */
static int put_all(lsm6_t *d, const uint8_t pairs[][2], size_t n)
{
    int e = LSM6_OK;
    for (size_t i = 0; i < n && e == LSM6_OK; i++) e = put(d, pairs[i][0], pairs[i][1]);
    return e;
}

static int reset(lsm6_t *d)
{
    uint8_t x = SW_RESET;
    int e = put(d, CTRL3_C, SW_RESET);
    for (unsigned i = 0; i < RESET_TRIES && e == LSM6_OK && (x & SW_RESET); i++) {
        d->bus.wait_ms(d->bus.board, 1);
        e = get(d, CTRL3_C, &x, 1);
    }
    return e != LSM6_OK ? e : x & SW_RESET ? LSM6_NO_RESET : LSM6_OK;
}

uint16_t lsm6_acc_range(uint16_t acc_g) { return acc_g; }

uint16_t lsm6_gyr_range(uint16_t gyr_deg_s)
{
    for (size_t i = 0; i < COUNT(GYR); i++)
        if (GYR[i].deg_s == gyr_deg_s) return GYR[i].range;
    return 0;
}

static bool scales(lsm6_t *d, uint16_t acc_g, uint16_t gyr_deg_s)
{
    bool acc = false, gyr = false;
    for (size_t i = 0; i < COUNT(ACC); i++)
        if (ACC[i].g == acc_g) d->acc_bits = ACC[i].bits, acc = true;
    for (size_t i = 0; i < COUNT(GYR); i++)
        if (GYR[i].deg_s == gyr_deg_s) d->gyr_bits = GYR[i].bits, gyr = true;
    return acc && gyr;
}

int lsm6_init(lsm6_t *d, const lsm6_bus_t *bus, uint16_t acc_g, uint16_t gyr_deg_s)
{
    static const lsm6_t nothing;
    uint8_t chip = 0;
    int e;
    *d = nothing;
    d->bus = *bus;
    if (!scales(d, acc_g, gyr_deg_s)) return LSM6_RANGE;
    if ((e = get(d, WHO_AM_I, &chip, 1)) != LSM6_OK) return e;
    if (chip != CHIP) return LSM6_OTHER_CHIP;
    if ((e = reset(d)) != LSM6_OK) return e;
    return put(d, CTRL3_C, BDU_IF_INC);
}

/* Empty the FIFO (bypass does it) and let it run. */
static int run(lsm6_t *d)
{
    const uint8_t steps[][2] = {{FIFO_CTRL5, 0}, {FIFO_CTRL5, (uint8_t)((unsigned)d->odr << 3 | CONTINUOUS)}};
    return put_all(d, steps, COUNT(steps));
}

int lsm6_start(lsm6_t *d, uint16_t rate_hz, uint16_t watermark)
{
    size_t k = 0;
    uint16_t words = (uint16_t)(watermark * WORDS);
    int e;
    while (k < COUNT(ODR) && ODR[k].hz < rate_hz) k++;
    if (k == COUNT(ODR) || watermark == 0 || watermark > FIFO_SETS / 2) return LSM6_RANGE;
    d->odr = ODR[k].bits;
    d->rate = ODR[k].hz;
    d->watermark = watermark;
    {
        const uint8_t steps[][2] = {{FIFO_CTRL5, 0},
                                    {CTRL1_XL, (uint8_t)(d->odr << 4 | d->acc_bits)},
                                    {CTRL2_G, (uint8_t)(d->odr << 4 | d->gyr_bits)},
                                    {FIFO_CTRL1, (uint8_t)(words & 0xFFu)},
                                    {FIFO_CTRL2, (uint8_t)(words >> 8)},
                                    {FIFO_CTRL3, BOTH_UNDECIMATED},
                                    {FIFO_CTRL4, 0},
                                    {INT1_CTRL, INT1_FTH}};
        e = put_all(d, steps, COUNT(steps));
    }
    if (e == LSM6_OK) {
        d->bus.wait_ms(d->bus.board, GYR_ON_MS);
        e = run(d);
    }
    if (e != LSM6_OK) d->odr = 0;
    return e;
}

int lsm6_stop(lsm6_t *d)
{
    static const uint8_t steps[][2] = {{INT1_CTRL, 0}, {FIFO_CTRL5, 0}, {CTRL1_XL, 0}, {CTRL2_G, 0}};
    d->odr = 0;
    return put_all(d, steps, COUNT(steps));
}

/* The low byte comes first; the chip has gyr x y z, acc x y z. */
static void unpack(const uint8_t *from, int16_t to[6])
{
    for (size_t i = 0; i < WORDS; i++) {
        int32_t x = from[2 * i] | from[2 * i + 1] << 8;
        to[(i + 3) % WORDS] = (int16_t)(x < 32768 ? x : x - 65536);
    }
}

static int sets(lsm6_t *d, int16_t samples[][6], size_t n)
{
    uint8_t raw[CHUNK * WORDS * 2];
    for (size_t done = 0; done < n;) {
        size_t now = n - done < CHUNK ? n - done : CHUNK;
        int e = get(d, FIFO_DATA, raw, now * WORDS * 2);
        if (e != LSM6_OK) return e;
        for (size_t i = 0; i < now; i++) unpack(raw + i * WORDS * 2, samples[done + i]);
        done += now;
    }
    return LSM6_OK;
}

int lsm6_read(lsm6_t *d, int16_t samples[][6], size_t max, size_t *count)
{
    uint8_t status[4];
    size_t waiting;
    int e;
    *count = 0;
    if (d->odr == 0) return LSM6_OFF;
    if ((e = get(d, FIFO_STATUS1, status, sizeof status)) != LSM6_OK) return e;
    waiting = (size_t)(status[0] | (status[1] & 0x07) << 8);
    /* Overrun, or the next word is not the first of a set (a read was cut short): begin again. */
    if (status[1] & 0x40 || (waiting > 0 && (status[2] != 0 || (status[3] & 0x03) != 0)))
        return (e = run(d)) != LSM6_OK ? e : LSM6_OVERRUN;
    waiting /= WORDS;
    waiting = waiting < max ? waiting : max;
    if ((e = sets(d, samples, waiting)) == LSM6_OK) *count = waiting;
    return e;
}
