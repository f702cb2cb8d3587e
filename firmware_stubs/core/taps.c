/* taps: see taps.h. */
#include "taps.h"

size_t imuc_taps_sizeof(void) { return sizeof(imuc_taps_t); }

void imuc_taps_init(imuc_taps_t *d, uint16_t counts_per_g)
{
    static const imuc_taps_t nothing;
    *d = nothing;
    d->low = (int32_t)(counts_per_g * TAPS_LOW_MG / 1000u);
    d->high = (int32_t)(counts_per_g * TAPS_HIGH_MG / 1000u);
}

static int32_t change(imuc_taps_t *d, const int16_t acc[3])
{
    int32_t sum = 0;
    for (int i = 0; i < 3; i++) {
        int32_t step = (int32_t)acc[i] - d->last[i];
        sum += step < 0 ? -step : step;
        d->last[i] = acc[i];
    }
    return sum;
}

/* A burst begins. */
static void begin(imuc_taps_t *d, uint64_t t_us)
{
    d->burst = true;
    d->peak = false;
    d->burst_us = t_us;
}

/* A burst is over: a tap, the bounce of one, or something else, which spoils what comes before the next rest. */
static void end(imuc_taps_t *d)
{
    bool tap = d->peak && d->busy_us - d->burst_us <= TAPS_SHORT_US;
    d->burst = false;
    if (!tap) {
        d->spoilt = true;
    } else if (d->count == 0 || d->burst_us - d->tap_us >= TAPS_BOUNCE_US) {
        d->count = d->count < 4u ? (uint8_t)(d->count + 1u) : 4u;
        d->tap_us = d->burst_us;
    }
}

uint8_t imuc_taps_feed(imuc_taps_t *d, const int16_t acc[3], uint64_t t_us)
{
    uint8_t count;
    int32_t step = change(d, acc);
    if (!d->started) { /* nothing to compare the first sample with */
        d->started = true;
        return 0;
    }
    if (d->burst && t_us - d->busy_us >= TAPS_CALM_US) end(d);
    if (step > d->low) {
        if (!d->burst) begin(d, t_us);
        d->peak = d->peak || step > d->high;
        d->busy_us = t_us;
    }
    if (d->burst || t_us - d->busy_us < TAPS_PAUSE_US) return 0;
    count = d->spoilt ? 0u : d->count;
    d->count = 0;
    d->spoilt = false;
    return count == 2u || count == 3u ? count : 0u;
}
