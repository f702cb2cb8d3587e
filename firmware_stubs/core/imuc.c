/* imuc: life of a sensor, its requests, its answers, its light and its vibration. */
#include "imuc.h"

#include "bytes.h"
#include "stream.h"

/* Patterns are bits, lowest first, one for each slot of time. */
#define LED_SLOT_US 125000u
#define LED_PATTERN 0x05u        /* two short flashes a second: unlike the slow or steady lights of chargers */
#define HAPTIC_SLOT_US 150000u   /* shorter ones are hardly felt through clothing with a coin motor */
static const uint8_t HAPTIC[4] = {0x00u, 0x01u, 0x0Fu, 0x05u}; /* none, short, long, double */

size_t imuc_sizeof(void) { return sizeof(imuc_t); }

bool imuc_init(imuc_t *s, const imuc_config_t *config, imuc_sample_t *store, uint32_t capacity)
{
    static const imuc_t nothing;
    *s = nothing;
    s->config = *config;
    s->store = store;
    s->capacity = capacity;
    s->battery = 255;
    s->mtu = 23;
    if (capacity >= IMUC_MIN_STORE && capacity <= IMUC_MAX_STORE && config->max_rate >= IMUC_MIN_RATE &&
        config->max_rate <= IMUC_MAX_RATE)
        return true;
    s->config.max_rate = 0; /* so that START is out of range */
    return false;
}

/* A connection begins or ends: nothing flows until the host asks, and nothing of the one before is answered. */
static void fresh(imuc_t *s)
{
    imuc_set_mtu(s, 23);
    s->flowing = s->catching = s->sync_waits = false;
    s->out_n = s->out_taps = s->tap_held = 0;
}

void imuc_connected(imuc_t *s) { fresh(s); }

void imuc_disconnected(imuc_t *s)
{
    fresh(s);
    if (!(s->config.features & IMUC_HAS_STORE)) imuc_end(s);
}

void imuc_set_mtu(imuc_t *s, uint16_t att_mtu)
{
    s->mtu = att_mtu;
    s->n = imuc_fit(att_mtu, s->granted);
}

void imuc_set_battery(imuc_t *s, uint8_t per_cent) { s->battery = per_cent; }

void imuc_tick(imuc_t *s, uint64_t t_us)
{
    imuc_age(s, t_us);
    if (s->now_us - s->led_us >= s->led_seconds * (uint64_t)1000000u) s->led_seconds = 0;
    if (s->now_us - s->haptic_us >= 8u * HAPTIC_SLOT_US) s->haptic = 0;
}

uint16_t imuc_rate(const imuc_t *s) { return s->rate; }

bool imuc_led(const imuc_t *s)
{
    return s->led_seconds > 0 && (LED_PATTERN >> ((s->now_us - s->led_us) / LED_SLOT_US % 8u) & 1u);
}

bool imuc_vibrate(const imuc_t *s)
{
    return s->haptic > 0 && (HAPTIC[s->haptic] >> ((s->now_us - s->haptic_us) / HAPTIC_SLOT_US % 8u) & 1u);
}

/* --- the control point ------------------------------------------------------------------------------------------ */
/* Each request gets the bytes after its code, their number already checked, and returns a status; what it adds to the
 * answer follows the three bytes every answer has. */
typedef uint8_t request_t(imuc_t *s, const uint8_t *in, uint8_t *out);

static uint8_t start(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    uint16_t rate = get16(in);
    uint8_t n = imuc_fit(s->mtu, in[2]);
    if (rate < IMUC_MIN_RATE || rate > s->config.max_rate || in[2] == 0) return IMUC_RANGE;
    if (n == 0) return IMUC_MTU;
    imuc_begin(s, rate, n);
    out[0] = n;
    return IMUC_OK;
}

static uint8_t stop(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    (void)in, (void)out;
    imuc_end(s);
    return IMUC_OK;
}

static uint8_t status(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    (void)in;
    put32(out, s->dropped);
    put32(out + 4, s->end);
    out[8] = s->battery;
    return IMUC_OK;
}

static uint8_t identify(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    (void)out;
    s->led_seconds = in[0];
    s->led_us = s->now_us;
    return IMUC_OK;
}

static uint8_t haptic(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    (void)out;
    if (!(s->config.features & IMUC_HAS_HAPTIC)) return IMUC_STATE;
    if (in[0] < 1u || in[0] > 3u) return IMUC_RANGE;
    s->haptic = in[0];
    s->haptic_us = s->now_us;
    return IMUC_OK;
}

static uint8_t resume(imuc_t *s, const uint8_t *in, uint8_t *out)
{
    uint8_t outcome;
    uint16_t first = 0;
    if (s->rate == 0 || !(s->config.features & IMUC_HAS_STORE)) return IMUC_STATE;
    if (s->n == 0) return IMUC_MTU;
    outcome = imuc_rewind(s, get16(in), &first);
    put16(out, first);
    out[2] = s->n;
    return outcome;
}

static const struct {
    request_t *run;
    uint8_t takes, adds; /* bytes after the code, and after the status */
} REQUESTS[] = {{NULL, 0, 0},     {start, 3, 1},  {stop, 0, 0},  {status, 0, 9},
                {identify, 1, 0}, {haptic, 1, 0}, {resume, 2, 3}};

size_t imuc_control(imuc_t *s, const uint8_t *in, size_t length, uint64_t t_us, uint8_t *out)
{
    uint8_t code = length > 0 ? in[0] : 0u;
    imuc_tick(s, t_us);
    out[0] = IMUC_REPLY;
    out[1] = code;
    if (length == 0)
        out[2] = IMUC_LENGTH;
    else if (code < IMUC_START || code > IMUC_RESUME)
        out[2] = IMUC_UNKNOWN;
    else if (length != 1u + REQUESTS[code].takes)
        out[2] = IMUC_LENGTH;
    else
        out[2] = REQUESTS[code].run(s, in + 1, out + 3);
    return 3u + (out[2] == IMUC_OK ? REQUESTS[code].adds : 0u);
}

/* --- clock and identity ----------------------------------------------------------------------------------------- */
int32_t imuc_sync(imuc_t *s, const uint8_t *in, size_t length, uint64_t t_rx_us, uint16_t random)
{
    if (length != 6u || in[0] != 0x01u || s->sync_waits) return -1;
    copy(s->sync_head, in + 1, 5);
    s->sync_rx_us = t_rx_us;
    s->sync_waits = true;
    return (int32_t)(random * IMUC_DITHER_US >> 16);
}

size_t imuc_sync_reply(imuc_t *s, uint64_t t_tx_us, uint8_t *out)
{
    if (!s->sync_waits) return 0;
    s->sync_waits = false;
    out[0] = 0x81;
    copy(out + 1, s->sync_head, 5);
    put64(out + 6, s->sync_rx_us);
    put64(out + 14, t_tx_us);
    return IMUC_SYNC_REPLY;
}

void imuc_info(const imuc_t *s, uint8_t *out)
{
    out[0] = IMUC_VERSION;
    out[1] = s->config.features;
    put16(out + 2, s->config.acc_range);
    put16(out + 4, s->config.gyr_range);
    put16(out + 6, s->config.max_rate);
    put32(out + 8, s->capacity);
    put64(out + 12, s->config.serial);
}
