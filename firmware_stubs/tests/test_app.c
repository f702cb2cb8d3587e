/* test_app: what every board does, on a board that is made of variables. */
#include <string.h>

#include "app.h"
#include "board.h"

#include "check.h"

static struct {
    uint64_t now_us;
    uint16_t mtu, random, rate;
    unsigned room;               /* notifications that the stack takes */
    unsigned packets, samples, indications, replies, levels, starts, taps;
    uint8_t last[512], indication[16], reply[32];
    size_t indicated;
    uint16_t next;               /* number the host expects */
    bool led, vibrates, imu_dead, locked, knock;
    uint64_t taken_us;
} board;

uint64_t board_now_us(void) { return board.now_us; }
uint16_t board_random16(void) { return board.random; }
uint16_t board_mtu(void) { return board.mtu; }
uint8_t board_battery(void) { return 64; }
void board_led(bool on) { board.led = on; }
void board_vibrate(bool on) { board.vibrates = on; }
void board_notify_battery(uint8_t per_cent) { board.levels += per_cent == 64; }

void board_lock(void)
{
    CHECK(!board.locked, "locked twice");
    board.locked = true;
}

void board_unlock(void) { board.locked = false; }

bool board_notify_data(const uint8_t *bytes, size_t n)
{
    if (board.room == 0) return false;
    board.room--;
    memcpy(board.last, bytes, n);
    if (bytes[0] == 0x13) return board.taps++, true;
    CHECK(bytes[2] == (board.next & 0xFF) && bytes[3] == board.next >> 8, "number %u, not %u", bytes[2], board.next);
    board.packets++, board.samples += bytes[1], board.next = (uint16_t)(board.next + bytes[1]);
    return true;
}

void board_indicate_ctrl(const uint8_t *bytes, size_t n)
{
    board.indications++;
    board.indicated = n;
    memcpy(board.indication, bytes, n);
}

void board_notify_sync(const uint8_t *bytes, size_t n)
{
    board.replies++;
    memcpy(board.reply, bytes, n);
}

int board_imu_start(uint16_t rate_hz)
{
    board.starts++;
    if (board.imu_dead) return -1;
    board.rate = rate_hz;
    board.taken_us = board.now_us;
    return 0;
}

int board_imu_stop(void) { return board.rate = 0, 0; }

int board_imu_read(int16_t samples[][6], uint64_t *t_us, size_t max, size_t *count)
{
    *count = 0;
    if (board.imu_dead) return -1;
    while (board.rate > 0 && *count < max && board.taken_us + 1000000u / board.rate <= board.now_us) {
        int16_t v[6] = {0, 0, 2048, 1, 2, 3};
        board.taken_us += 1000000u / board.rate;
        if (board.knock && board.taken_us / 10000u % 25u == 0 && board.taken_us / 250000u % 12u < 2u) v[2] = 12000;
        memcpy(samples[*count], v, sizeof v);
        t_us[(*count)++] = board.taken_us;
    }
    return 0;
}

static void pass(unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 5) {
        board.now_us += 5000;
        board.room = board.room < 100 ? board.room + 2 : board.room;
        app_loop();
    }
}

static void ctrl(const char *bytes, size_t n)
{
    app_ctrl((const uint8_t *)bytes, n, board.now_us);
    app_loop();
}

static void new_board_with(uint8_t features)
{
    const imuc_config_t config = {7, 16, 2000, 208, features};
    memset(&board, 0, sizeof board);
    board.now_us = 1000000;
    board.mtu = 247;
    CHECK(app_begin(&config, 2048), "begin");
    pass(100);
    CHECK(board.rate == 0 && board.starts == 0, "the IMU is off until it is asked for");
    app_link(true);
    pass(10);
}

static void new_board(void) { new_board_with(15); }

static void without_a_store(void)
{
    new_board_with(IMUC_HAS_TAP);
    ctrl("\x01\x64\x00\x05", 4);
    pass(100);
    CHECK(board.rate == 100, "%u Hz", board.rate);
    app_link(false);
    pass(100);
    CHECK(board.rate == 0, "nobody could ever get what it samples now");
}

static void a_session(void)
{
    new_board();
    ctrl("\x01\x64\x00\x05", 4);
    CHECK(board.indicated == 4 && memcmp(board.indication, "\x80\x01\x00\x05", 4) == 0, "start");
    pass(10000);
    CHECK(board.rate == 100 && board.samples >= 990 && board.packets == board.samples / 5, "%u samples", board.samples);
    board.room = 0;
    app_link(false);
    pass(5000);
    app_link(true);
    pass(100);
    CHECK(board.rate == 100, "it goes on sampling while away");
    {
        char resume[3] = {6, (char)(board.next & 0xFF), (char)(board.next >> 8)};
        ctrl(resume, 3);
    }
    CHECK(board.indicated == 6 && board.indication[2] == 0, "resume");
    pass(2000);
    CHECK(board.samples >= 1690, "%u samples: nothing is missing", board.samples);
    ctrl("\x02", 1);
    pass(100);
    CHECK(board.rate == 0, "stop");
}

static void the_clock_waits(void)
{
    new_board();
    board.random = 32768; /* half of 60 ms */
    app_sync((const uint8_t *)"\x01\x05\x01\x02\x03\x04", 6, board.now_us);
    pass(25);
    CHECK(board.replies == 0, "too early");
    pass(10);
    CHECK(board.replies == 1 && memcmp(board.reply, "\x81\x05\x01\x02\x03\x04", 6) == 0, "%u replies", board.replies);
    app_sync((const uint8_t *)"\x01\x06\x01\x02\x03\x04", 6, board.now_us);
    app_link(false);
    pass(100);
    CHECK(board.replies == 1, "nobody is there any more");
}

static void lights_and_battery(void)
{
    unsigned on = 0;
    new_board();
    ctrl("\x04\x02", 2);
    for (int i = 0; i < 200; i++) pass(10), on += board.led;
    CHECK(on > 40 && on < 60, "on for %u of 200", on);
    pass(200);
    CHECK(!board.led, "off again");
    ctrl("\x05\x01", 2);
    pass(50);
    CHECK(board.vibrates, "vibrates");
    pass(200);
    CHECK(!board.vibrates, "and stops");
    pass(60000);
    ctrl("\x03", 1);
    CHECK(board.indication[11] == 64 && board.levels == 1, "%u levels", board.levels);
}

static void a_double_tap(void)
{
    new_board();
    ctrl("\x01\x64\x00\x05", 4);
    board.knock = true;
    pass(6500);
    CHECK(board.taps == 2, "%u", board.taps);
}

static void an_imu_that_does_not_answer(void)
{
    new_board();
    board.imu_dead = true;
    ctrl("\x01\x64\x00\x05", 4);
    pass(5000);
    CHECK(board.starts >= 4 && board.starts <= 6 && board.samples == 0, "%u attempts in 5 s", board.starts);
    board.imu_dead = false;
    pass(2000);
    CHECK(board.samples > 80, "%u", board.samples);
    board.imu_dead = true;
    pass(100);
    board.imu_dead = false;
    board.starts = 0;
    pass(2000);
    CHECK(board.starts == 1 && board.samples > 160, "started anew: %u", board.samples);
}

static void a_flood(void)
{
    uint8_t junk[300];
    new_board();
    memset(junk, 0xFF, sizeof junk);
    for (int i = 0; i < 1000; i++) app_ctrl(junk, sizeof junk, board.now_us), app_sync(junk, sizeof junk, board.now_us);
    board.indications = 0;
    app_loop();
    CHECK(board.indications <= 8 && board.indication[2] == 1, "%u answers", board.indications);
    for (int i = 0; i < 1000; i++) app_ctrl(junk, sizeof junk, board.now_us);
    app_link(false);
    board.indications = 0;
    app_ctrl(junk, sizeof junk, board.now_us);
    app_loop();
    CHECK(board.indications == 0, "nobody is there");
    app_link(true);
    app_loop();
    ctrl("\x01\x64\x00\x05", 4);
    CHECK(board.indication[1] == 1 && board.indication[2] == 0, "a new link works");
}

int main(void)
{
    a_session();
    without_a_store();
    the_clock_waits();
    lights_and_battery();
    a_double_tap();
    an_imu_that_does_not_answer();
    a_flood();
    return check_done("app");
}
