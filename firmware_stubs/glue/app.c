/* app: see app.h. */
#include "app.h"

#include "board.h"
#include "taps.h"

#define EVENTS 8u                /* requests that may wait; of a flood, the rest is ignored */
#define BYTES 8u                 /* of a request that are kept: longer ones are of a wrong length anyway */
#define BLOCK 64u                /* samples read at once: 0.3 s at 208 Hz */
#define TICK_US 20000u
#define BATTERY_US 60000000u
#define RETRY_US 1000000u        /* an IMU that does not answer is tried again */

enum { UP, DOWN, CTRL, SYNC };

typedef struct {
    uint8_t kind, n, bytes[BYTES];
    uint64_t t_us;
} event_t;

static struct {
    imuc_t core;
    imuc_taps_t taps;
    imuc_sample_t store[APP_STORE];
    int16_t v[BLOCK][6];         /* the block that is read now, with its times */
    uint64_t t_us[BLOCK];
    event_t events[EVENTS];
    uint8_t head, count;
    bool up, sync_waits;
    uint16_t rate;               /* what the IMU was told; 0: off */
    uint64_t sync_us, tick_us, battery_us, retry_us;
} app;

bool app_begin(const imuc_config_t *config, uint16_t counts_per_g)
{
    imuc_taps_init(&app.taps, counts_per_g);
    app.head = app.count = 0;
    app.up = app.sync_waits = false;
    app.rate = 0;
    app.tick_us = app.battery_us = app.retry_us = 0;
    return imuc_init(&app.core, config, app.store, APP_STORE);
}

void app_info(uint8_t *out) { imuc_info(&app.core, out); }

/* --- requests, from other contexts -------------------------------------------------------------------------------- */
static void put(uint8_t kind, const uint8_t *bytes, size_t n, uint64_t t_us)
{
    event_t *e;
    board_lock();
    if (kind == UP || kind == DOWN) app.count = 0; /* what came before concerns a link that is gone */
    if (app.count < EVENTS) {
        e = &app.events[(app.head + app.count++) % EVENTS];
        e->kind = kind;
        e->n = (uint8_t)(n < BYTES ? n : BYTES);
        e->t_us = t_us;
        for (size_t i = 0; i < e->n; i++) e->bytes[i] = bytes[i];
    }
    board_unlock();
}

void app_link(bool up) { put(up ? UP : DOWN, NULL, 0, 0); }
void app_ctrl(const uint8_t *bytes, size_t n, uint64_t t_us) { put(CTRL, bytes, n, t_us); }
void app_sync(const uint8_t *bytes, size_t n, uint64_t t_us) { put(SYNC, bytes, n, t_us); }

static bool take(event_t *e)
{
    bool some;
    board_lock();
    some = app.count > 0;
    if (some) {
        *e = app.events[app.head];
        app.head = (uint8_t)((app.head + 1u) % EVENTS);
        app.count--;
    }
    board_unlock();
    return some;
}

static void ask(const event_t *e)
{
    uint8_t out[IMUC_MAX_REPLY];
    int32_t wait;
    if (e->kind == CTRL) {
        imuc_set_mtu(&app.core, board_mtu());
        board_indicate_ctrl(out, imuc_control(&app.core, e->bytes, e->n, board_now_us(), out));
        return;
    }
    wait = imuc_sync(&app.core, e->bytes, e->n, e->t_us, board_random16());
    if (wait < 0) return;
    app.sync_us = e->t_us + (uint64_t)wait;
    app.sync_waits = true;
}

static void requests(void)
{
    event_t e;
    while (take(&e)) {
        if (e.kind == CTRL || e.kind == SYNC) {
            if (app.up) ask(&e);
            continue;
        }
        app.up = e.kind == UP;
        if (app.up)
            imuc_connected(&app.core);
        else
            imuc_disconnected(&app.core);
    }
}

/* --- samples ------------------------------------------------------------------------------------------------------ */
/* The IMU does what the core wants; one that does not answer is tried again later. */
static void follow(uint64_t now)
{
    uint16_t rate = imuc_rate(&app.core);
    if (rate == app.rate || now < app.retry_us) return;
    if ((rate > 0 ? board_imu_start(rate) : board_imu_stop()) == 0)
        app.rate = rate;
    else
        app.retry_us = now + RETRY_US;
}

static void samples(uint64_t now)
{
    size_t n = 0;
    if (app.rate == 0 || now < app.retry_us) return;
    if (board_imu_read(app.v, app.t_us, BLOCK, &n) != 0) { /* start it anew */
        app.rate = 0;
        app.retry_us = now + RETRY_US;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t taps = imuc_taps_feed(&app.taps, app.v[i], app.t_us[i]);
        imuc_push(&app.core, app.v[i], app.t_us[i]);
        if (taps > 0) imuc_tap(&app.core, taps, app.taps.tap_us);
    }
}

static void packets(void)
{
    const uint8_t *packet;
    size_t n;
    imuc_set_mtu(&app.core, board_mtu());
    while ((n = imuc_peek(&app.core, &packet)) > 0 && board_notify_data(packet, n)) imuc_sent(&app.core);
}

static void answer_clock(void)
{
    uint8_t out[IMUC_SYNC_REPLY];
    size_t n;
    if (!app.sync_waits || board_now_us() < app.sync_us) return;
    app.sync_waits = false;
    n = imuc_sync_reply(&app.core, board_now_us(), out);
    if (n > 0) board_notify_sync(out, n);
}

static void lights(uint64_t now)
{
    if (now < app.tick_us) return;
    app.tick_us = now + TICK_US;
    imuc_tick(&app.core, now);
    board_led(imuc_led(&app.core));
    board_vibrate(imuc_vibrate(&app.core));
    if (now < app.battery_us) return;
    app.battery_us = now + BATTERY_US;
    imuc_set_battery(&app.core, board_battery());
    if (app.up && app.core.battery <= 100) board_notify_battery(app.core.battery);
}

void app_loop(void)
{
    uint64_t now = board_now_us();
    requests();
    answer_clock();
    follow(now);
    samples(now);
    if (app.up) packets();
    lights(now);
}
