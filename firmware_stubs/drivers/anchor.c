/* anchor: see anchor.h. */
#include "anchor.h"

void anchor_init(anchor_t *a, uint16_t rate, uint16_t watermark)
{
    static const anchor_t nothing;
    *a = nothing;
    a->watermark = watermark;
    a->nominal_ns = a->ns = 1000000000u / rate;
}

/* The interval since the last interrupt, when it is one the IMU can have (10 %), else the one before. */
static void measure(anchor_t *a, uint64_t rise_us)
{
    uint64_t ns = (rise_us - a->last_us) * 1000u / (a->after + a->watermark);
    if (a->known && ns > a->nominal_ns * (uint64_t)9u / 10u && ns < a->nominal_ns * (uint64_t)11u / 10u)
        a->ns = (uint32_t)ns;
}

/* The time of a sample so many after that of the interrupt; always after the one before it. */
static uint64_t next(const anchor_t *a, uint64_t rise_us, int64_t after)
{
    uint64_t away_us = ((uint64_t)(after < 0 ? -after : after) * a->ns + 500u) / 1000u;
    uint64_t t_us = after >= 0 ? rise_us + away_us : rise_us > away_us ? rise_us - away_us : 0u;
    return t_us > a->latest_us ? t_us : a->latest_us + 1u;
}

bool anchor_times(anchor_t *a, uint64_t rise_us, uint32_t n, uint64_t *times)
{
    if (n < a->watermark) return false;
    measure(a, rise_us);
    for (uint32_t i = 0; i < n; i++) times[i] = a->latest_us = next(a, rise_us, (int64_t)i + 1 - a->watermark);
    a->last_us = rise_us;
    a->after = n - a->watermark;
    a->known = true;
    return true;
}
