/* stream: the ring store, and the window of it that goes out in packets.
 *
 * All numbers are modulo 2^32 and compared by difference; the lowest 16 bits go on the air.
 */
#include "stream.h"

#include "bytes.h"

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t most(uint32_t a, uint32_t b) { return a > b ? a : b; }
static bool after(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }

/* The sample of a number that is held. */
static const imuc_sample_t *sample(const imuc_t *s, uint32_t number)
{
    uint32_t back = s->end - number;
    return &s->store[s->at >= back ? s->at - back : s->at + s->capacity - back];
}

static uint32_t nominal_us(const imuc_t *s) { return 1000000u / s->rate; }

/* Whether two samples that follow each other are one interval apart. A packet has one time and one interval, so it
 * must not reach over a hole that the IMU left; twice the interval leaves room for an IMU's own rate (10 %). */
static bool even(const imuc_t *s, uint32_t number)
{
    return sample(s, number)->t_us - sample(s, number - 1u)->t_us <= 2u * nominal_us(s);
}

uint8_t imuc_fit(uint16_t att_mtu, uint8_t wanted)
{
    uint32_t room = att_mtu > 3u + IMUC_HEAD ? (att_mtu - 3u - IMUC_HEAD) / IMUC_SAMPLE : 0u;
    return (uint8_t)least(least(room, IMUC_MAX_N), wanted);
}

void imuc_begin(imuc_t *s, uint16_t rate, uint8_t n)
{
    s->rate = rate;
    s->granted = s->n = n;
    s->at = s->end = s->held = s->next = s->offered = s->dropped = 0;
    s->out_n = s->out_taps = s->tap_held = 0;
    s->flowing = true;
    s->idle = false;
    s->catching = false;
}

void imuc_end(imuc_t *s)
{
    s->rate = 0;
    s->flowing = s->catching = false;
    s->out_n = s->out_taps = s->tap_held = 0;
}

/* Samples of the next packet when it is complete, else 0: n of them, or fewer before a hole. */
static uint8_t ready(const imuc_t *s)
{
    uint32_t unsent = s->end - s->next;
    uint8_t k = 1;
    if (!s->flowing || s->n == 0 || unsent == 0) return 0;
    while (k < s->n && k < unsent && even(s, s->next + k)) k++;
    return k == s->n || k < unsent ? k : 0;
}

uint8_t imuc_rewind(imuc_t *s, uint16_t seq, uint16_t *first)
{
    uint16_t back = (uint16_t)((s->offered - seq) & 0xFFFFu);
    uint32_t behind = s->end - s->offered + back, kept = least(behind, s->held);
    if (back > 0x7FFFu || back > s->offered) return IMUC_RANGE; /* it never was offered */
    s->dropped += behind - kept;
    s->next = s->end - kept;
    s->out_n = s->out_taps = 0;
    s->flowing = true;
    s->idle = false;
    s->catching = ready(s) > 0;
    *first = (uint16_t)(s->next & 0xFFFFu);
    return IMUC_OK;
}

void imuc_age(imuc_t *s, uint64_t t_us)
{
    s->now_us = t_us;
    if (s->flowing || !s->idle) s->idle_us = t_us;
    s->idle = !s->flowing;
    uint64_t away = t_us - s->idle_us; /* huge when the caller's clock went back a little: no time has passed */
    if (s->idle && away > IMUC_AWAY_US && away < UINT64_C(1) << 63) imuc_end(s);
}

/* Live, no more than two seconds may wait (then old data is of no use to a person who moves now), though always two
 * packets; in catch-up all that is stored. */
static uint32_t window(const imuc_t *s)
{
    uint32_t live = most(2u * s->rate, 2u * s->n);
    return s->catching ? s->capacity : least(live, s->capacity);
}

static void skip(imuc_t *s)
{
    uint32_t k = s->n > 0 ? s->n : 1u;
    s->next += k;
    s->dropped += k;
}

void imuc_push(imuc_t *s, const int16_t v[6], uint64_t t_us)
{
    imuc_sample_t *slot;
    imuc_age(s, t_us);
    if (s->rate == 0) return;
    slot = &s->store[s->at];
    for (size_t i = 0; i < 6; i++) slot->v[i] = v[i];
    slot->t_us = (uint32_t)(t_us & 0xFFFFFFFFu);
    s->at = s->at + 1u == s->capacity ? 0 : s->at + 1u;
    s->end++;
    s->held = least(s->held + 1u, s->capacity);
    if (s->flowing && s->end - s->next > window(s)) skip(s);
}

/* The number of the newest sample at or before a time of the last seconds. */
static uint32_t number_at(const imuc_t *s, uint32_t t_us)
{
    uint32_t back = s->held > 0 ? 1u : 0u, limit = least(s->held, 2u * s->rate);
    while (back < limit && after(sample(s, s->end - back)->t_us, t_us)) back++;
    return s->end - back;
}

void imuc_tap(imuc_t *s, uint8_t taps, uint64_t t_us)
{
    uint8_t *event;
    uint32_t t = (uint32_t)(t_us & 0xFFFFFFFFu);
    if (!s->flowing || taps < 2u || taps > 3u || !(s->config.features & IMUC_HAS_TAP)) return;
    event = s->taps[s->tap_end % IMUC_TAPS];
    event[0] = IMUC_TAP;
    event[1] = taps;
    put16(event + 2, (uint16_t)(number_at(s, t) & 0xFFFFu));
    put32(event + 4, t);
    s->tap_end++;
    s->tap_held = (uint8_t)least(s->tap_held + 1u, IMUC_TAPS);
}

/* The measured time between samples of a packet; of a packet of one, since the sample before it. */
static uint16_t period(const imuc_t *s, uint8_t k)
{
    uint32_t us = nominal_us(s), steps = k - 1u;
    if (k > 1u)
        us = (sample(s, s->next + steps)->t_us - sample(s, s->next)->t_us + steps / 2u) / steps;
    else if (s->end - s->next < s->held && even(s, s->next))
        us = sample(s, s->next)->t_us - sample(s, s->next - 1u)->t_us;
    return (uint16_t)most(least(us, 65535u), 1u);
}

static size_t build(imuc_t *s, uint8_t k)
{
    uint8_t *p = s->out + IMUC_HEAD;
    s->out[0] = s->catching ? IMUC_STORED : IMUC_LIVE;
    s->out[1] = k;
    put16(s->out + 2, (uint16_t)(s->next & 0xFFFFu));
    put32(s->out + 4, sample(s, s->next)->t_us);
    put16(s->out + 8, period(s, k));
    for (uint32_t i = 0; i < k; i++)
        for (size_t axis = 0; axis < 6; axis++, p += 2) put16(p, (uint16_t)sample(s, s->next + i)->v[axis]);
    return (size_t)(p - s->out);
}

size_t imuc_peek(imuc_t *s, const uint8_t **packet)
{
    uint8_t k = ready(s);
    *packet = s->out;
    s->out_n = s->out_taps = 0;
    if (s->tap_held > 0) { /* first: a person waits for what it does */
        s->out_taps = 1;
        s->out_first = s->tap_end - s->tap_held;
        copy(s->out, s->taps[s->out_first % IMUC_TAPS], 8);
        return 8;
    }
    if (k == 0) return 0;
    s->out_n = k;
    s->out_first = s->next;
    if (after(s->next + k, s->offered)) s->offered = s->next + k;
    return build(s, k);
}

void imuc_sent(imuc_t *s)
{
    uint32_t last = s->out_first + s->out_n;
    if (s->out_taps && s->tap_held > 0 && s->out_first == s->tap_end - s->tap_held) s->tap_held--;
    if (s->out_n > 0) { /* some may have been skipped since they were offered: they went out after all */
        if (after(s->next, s->out_first)) s->dropped -= least(s->next - s->out_first, s->out_n);
        if (after(last, s->next)) s->next = last;
        s->catching = s->catching && ready(s) > 0;
    }
    s->out_n = s->out_taps = 0;
}
