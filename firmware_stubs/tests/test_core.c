/* test_core: the examples of vectors.json, then what no example shows: hostile bytes, long runs, taps. */
#include <string.h>

#include "imuc.h"
#include "taps.h"
#include "vectors.h"

#include "check.h"

#define STORE 4368
static imuc_sample_t store[STORE];
static imuc_t s;

/* --- examples ----------------------------------------------------------------------------------------------------- */
static size_t bytes(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned x = 0;
        (void)sscanf(hex + 2 * i, "%2x", &x);
        out[i] = (uint8_t)x;
    }
    return n;
}

static bool same(const uint8_t *got, size_t n, const char *wanted)
{
    static uint8_t want[600];
    if (wanted[0] == '-') return n == 0;
    return bytes(wanted, want) == n && memcmp(got, want, n) == 0;
}

static void run(bool drain, const int64_t *x)
{
    const uint8_t *packet;
    for (int64_t i = 0; i < x[1]; i++) {
        int k = (int)(x[0] + i);
        int16_t v[6] = {(int16_t)(k % 1000), (int16_t)(-(k % 1000)), 2048, (int16_t)(k % 7), (int16_t)(-(k % 5)), 0};
        imuc_push(&s, v, (uint64_t)(x[2] + i * x[3]));
        while (drain && imuc_peek(&s, &packet) > 0) imuc_sent(&s);
    }
}

static void push(const int64_t *x)
{
    int16_t v[6];
    for (int i = 0; i < 6; i++) v[i] = (int16_t)x[i];
    imuc_push(&s, v, s.now_us);
}

static bool tell(const call_t *c, uint8_t *given, size_t n)
{
    uint8_t out[32];
    const uint8_t *packet;
    switch (c->kind) {
    case DO_CONTROL: return same(out, imuc_control(&s, given, n, (uint64_t)c->x[0], out), c->wanted);
    case DO_SYNC: return imuc_sync(&s, given, n, (uint64_t)c->x[0], (uint16_t)c->x[1]) == (int32_t)c->x[2];
    case DO_SYNC_REPLY: return same(out, imuc_sync_reply(&s, (uint64_t)c->x[0], out), c->wanted);
    case DO_INFO: imuc_info(&s, out); return same(out, IMUC_INFO, c->wanted);
    case DO_PEEK: n = imuc_peek(&s, &packet); return same(packet, n, c->wanted);
    case DO_LED: return imuc_led(&s) == (c->x[0] != 0);
    case DO_HAPTIC: return imuc_vibrate(&s) == (c->x[0] != 0);
    case DO_RATE: return imuc_rate(&s) == (uint16_t)c->x[0];
    default: return false;
    }
}

static bool play(const call_t *c)
{
    static uint8_t given[64];
    switch (c->kind) {
    case DO_CONNECTED: imuc_connected(&s); return true;
    case DO_DISCONNECTED: imuc_disconnected(&s); return true;
    case DO_SET_MTU: imuc_set_mtu(&s, (uint16_t)c->x[0]); return true;
    case DO_PUSH: push(c->x); return true;
    case DO_PUSH_RUN: run(false, c->x); return true;
    case DO_DRAIN_RUN: run(true, c->x); return true;
    case DO_SENT: imuc_sent(&s); return true;
    case DO_TAP: imuc_tap(&s, (uint8_t)c->x[0], (uint64_t)c->x[1]); return true;
    case DO_TICK: imuc_tick(&s, (uint64_t)c->x[0]); return true;
    case DO_BATTERY: imuc_set_battery(&s, (uint8_t)c->x[0]); return true;
    default: return tell(c, given, bytes(c->given, given));
    }
}

static void examples(void)
{
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool made = imuc_init(&s, &SENSORS[CASES[i].sensor].config, store, SENSORS[CASES[i].sensor].store);
        CHECK(made, "%s", CASES[i].name);
        for (size_t k = 0; k < CASES[i].count; k++)
            CHECK(play(&CALLS[CASES[i].first + k]), "%s, call %u", CASES[i].name, (unsigned)k);
    }
}

/* --- bounds, and any bytes in any order --------------------------------------------------------------------------- */
static void bounds(void)
{
    static const struct { uint16_t rate; uint32_t capacity; bool fine; } WAYS[] = {
        {208, 128, true}, {208, 127, false}, {208, 32768, true}, {208, 32769, false}, {16, 128, true}, {15, 128, false},
        {1000, 128, true}, {1001, 128, false}, {0, 0, false}};
    static const uint8_t start[] = {1, 16, 0, 1};
    uint8_t out[IMUC_MAX_REPLY];
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        imuc_config_t config = {1, 16, 2000, WAYS[i].rate, 15};
        CHECK(imuc_init(&s, &config, store, WAYS[i].capacity) == WAYS[i].fine, "%u", (unsigned)i);
        imuc_set_mtu(&s, 247);
        (void)imuc_control(&s, start, sizeof start, 0, out);
        CHECK((imuc_rate(&s) == 16) == WAYS[i].fine, "START on %u", (unsigned)i);
    }
}

static void hostile_write(uint32_t *r, uint64_t t)
{
    uint8_t in[24] = {0}, out[IMUC_MAX_REPLY + 1];
    size_t n = check_random(r) % sizeof in, size;
    for (size_t i = 0; i < n; i++) in[i] = (uint8_t)check_random(r);
    if (check_random(r) % 2) in[0] = (uint8_t)(check_random(r) % 8);
    if (check_random(r) % 2) n = (size_t)(in[0] == 1 ? 4 : in[0] == 6 ? 3 : 1 + in[0] / 4 % 2);
    if (check_random(r) % 4) in[2] = 0; /* so that START is often in range */
    out[IMUC_MAX_REPLY] = 0xA5;
    size = imuc_control(&s, in, n, t, out);
    CHECK(size >= 3 && size <= IMUC_MAX_REPLY && out[IMUC_MAX_REPLY] == 0xA5, "%u", (unsigned)size);
    CHECK(out[0] == 0x80 && out[1] == (n > 0 ? in[0] : 0) && out[2] <= IMUC_RANGE, "%u", out[2]);
    CHECK(out[2] == 0 || size == 3, "a request that was not done adds nothing");
    (void)imuc_sync(&s, in, n, t, (uint16_t)check_random(r));
}

static void any_packet(void)
{
    const uint8_t *p;
    size_t size = imuc_peek(&s, &p);
    if (size == 0) return;
    CHECK(size <= (size_t)s.mtu - 3u, "%u bytes at MTU %u", (unsigned)size, s.mtu);
    CHECK(size == 8 ? p[0] == 0x13 : (p[0] == 0x11 || p[0] == 0x12) && size == 10u + 12u * p[1], "type %u", p[0]);
    CHECK(p[8] || p[9] || size == 8, "a period of 0");
}

static void anything(uint32_t seed, uint32_t capacity, uint32_t steps)
{
    static const uint16_t MTUS[] = {0, 3, 23, 25, 26, 185, 247, 517, 65535};
    imuc_config_t config = {seed, 16, 2000, 208, 15};
    uint64_t t = seed % 2 ? UINT64_C(0xFFFFF000) : UINT64_C(0xFFFFFFFFFFF00000);
    uint8_t out[32];
    uint32_t r = seed, back;
    (void)imuc_init(&s, &config, store, capacity);
    for (uint32_t i = 0; i < steps; i++) {
        int16_t v[6] = {(int16_t)i, -32768, 32767, 0, (int16_t)check_random(&r), 1};
        t += check_random(&r) % 16 ? 9615 : check_random(&r) % 3000000;
        imuc_push(&s, v, t);
        switch (check_random(&r) % 24) {
        case 0: imuc_connected(&s); break;
        case 1: imuc_disconnected(&s); break;
        case 2: case 3: imuc_set_mtu(&s, MTUS[check_random(&r) % 9]); break;
        case 4: case 5: case 6: hostile_write(&r, t); break;
        case 7: back = check_random(&r) % 4000000; imuc_tap(&s, (uint8_t)check_random(&r), t - back); break;
        case 8: (void)imuc_sync_reply(&s, t, out); break;
        case 9: imuc_tick(&s, t); break;
        case 10: imuc_sent(&s); break;
        default: any_packet(); if (check_random(&r) % 3) imuc_sent(&s); break;
        }
        CHECK(s.held <= s.capacity && s.at < s.capacity, "step %u", (unsigned)i);
        CHECK(!s.flowing || s.end - s.next <= s.held, "unsent beyond what is held");
    }
}

/* --- numbers go round after 2^32 samples (a year at 100 Hz) ------------------------------------------------------- */
static void wrap(void)
{
    static const uint8_t start[] = {1, 100, 0, 10}, resume[] = {6, 0x0A, 0};
    int64_t x[6] = {0, 30, 0, 10000, 0, 0};
    imuc_config_t config = {1, 16, 2000, 208, 15};
    const uint8_t *p;
    uint8_t out[IMUC_MAX_REPLY];
    (void)imuc_init(&s, &config, store, 128);
    imuc_set_mtu(&s, 247);
    (void)imuc_control(&s, start, sizeof start, 0, out);
    s.end = s.next = s.offered = 0xFFFFFFF6u;
    run(false, x);
    for (unsigned k = 0; k < 3; k++) {
        CHECK(imuc_peek(&s, &p) == 130 && p[2] == (uint8_t)(0xF6 + 10 * k) && p[3] == (k ? 0 : 0xFF), "packet %u", k);
        imuc_sent(&s);
    }
    CHECK(imuc_control(&s, resume, sizeof resume, 0, out) == 6 && out[2] == 0 && out[3] == 0x0A, "status %u", out[2]);
    CHECK(imuc_peek(&s, &p) == 130 && p[0] == 0x12 && p[2] == 0x0A, "number %u", p[2]);
}

/* --- taps --------------------------------------------------------------------------------------------------------- */
/* Taps of 4 g over two samples at 104 Hz on a slow movement; apart_ms apart, count of them. */
static uint8_t tapped(int count, int apart_ms, int strength_mg, int width)
{
    imuc_taps_t d;
    uint8_t felt = 0;
    imuc_taps_init(&d, 2048);
    for (int i = 0; i < 500; i++) {
        int16_t slow = (int16_t)(i / 4), acc[3] = {slow, (int16_t)-slow, 2048};
        int apart = apart_ms * 104 / 1000, since = i - 156;
        if (since >= 0 && since / apart < count && since % apart < width) acc[2] = (int16_t)(2048 + strength_mg * 2);
        felt = (uint8_t)(felt + imuc_taps_feed(&d, acc, 1000000u + (uint64_t)i * 9615u));
    }
    return felt;
}

/* n taps 250 ms apart, some samples after a change of 0.4 g. */
static uint8_t rustled(int n, int samples)
{
    imuc_taps_t d;
    uint8_t felt = 0;
    imuc_taps_init(&d, 2048);
    for (int i = 0; i < 500; i++) {
        int16_t acc[3] = {0, 0, 2048};
        int since = i - 100 - samples;
        if (i == 100) acc[0] = 820;
        if (since >= 0 && since < n * 26 && since % 26 < 2) acc[0] = 8000;
        felt = (uint8_t)(felt + imuc_taps_feed(&d, acc, 1000000u + (uint64_t)i * 9615u));
    }
    return felt;
}

static void taps(void)
{
    for (int apart = 150; apart <= 400; apart += 50) {
        for (int n = 1; n <= 8; n++)
            CHECK(tapped(n, apart, 4000, 2) == (n == 2 || n == 3 ? n : 0), "%d taps %d ms apart", n, apart);
        CHECK(tapped(2, apart, 1500, 1) == 2, "light taps, %d ms", apart);
    }
    CHECK(tapped(2, 250, 400, 2) == 0, "below the threshold");
    CHECK(tapped(2, 600, 4000, 2) == 0, "steps: slower than a hand");
    for (int n = 2; n <= 3; n++) {
        CHECK(rustled(n, 21) == 0, "%d taps just after a rustle: steps or knocks in a row", n);
        CHECK(rustled(n, 40) == 0 && rustled(n, 60) == n, "%d taps after a rustle and some rest", n);
    }
    CHECK(tapped(2, 50, 4000, 1) == 0, "a bounce is one tap");
    CHECK(tapped(2, 350, 4000, 20) == 0, "knocks that last are pushes: they rise and fall apart");
}

/* Unrest of some samples (mg, up and down in turn) at two places of a quiet second or two. */
static uint8_t shaken(int first, int first_samples, int first_mg, int second, int second_samples, int second_mg)
{
    imuc_taps_t d;
    uint8_t felt = 0;
    imuc_taps_init(&d, 2048);
    for (int i = 0; i < 300; i++) {
        bool one = i >= first && i < first + first_samples, two = i >= second && i < second + second_samples;
        int mg = one ? first_mg : two ? second_mg : 0;
        int16_t acc[3] = {(int16_t)(1200 + (i % 2 ? 2 * mg : 0)), 1200, 1200};
        felt = (uint8_t)(felt + imuc_taps_feed(&d, acc, 1000000u + (uint64_t)i * 9615u));
    }
    return felt;
}

static void unrest(void)
{
    CHECK(shaken(101, 2, 4000, 127, 2, 4000) == 2, "two taps");
    CHECK(shaken(101, 14, 4000, 135, 14, 4000) == 0, "shaken twice, 140 ms each");
    CHECK(shaken(101, 2, 4000, 127, 14, 4000) == 0, "a tap and a shake");
    CHECK(shaken(101, 2, 300, 127, 2, 4000) == 0, "one tap");
    CHECK(shaken(-1, 0, 0, 25, 2, 4000) == 0, "one tap just after the sensor was switched on");
    CHECK(shaken(20, 60, 4000, 150, 2, 4000) == 0, "unrest, and one tap");
}

int main(void)
{
    examples();
    bounds();
    for (uint32_t seed = 1; seed <= 12; seed++) anything(seed, seed % 3 ? 128u : STORE, 6000);
    wrap();
    taps();
    unrest();
    return check_done("core");
}
