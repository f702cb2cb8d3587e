/* second_board: how little another board needs. Another IMU (MPU-6050, polled over I2C), another kit (sdk.h).
 *
 * NEVER RUN ON HARDWARE. Its syntax is checked against tests/mini/sdk.h, whose names are made up. Beside this file a
 * board needs what its kit wants anyway: the GATT table of docs/protocol.md, whose callbacks call app_link, app_ctrl
 * and app_sync, and a loop that calls app_loop.
 */
#include "board.h"

#include "app.h"
#include "sdk.h"

#define IMU 0x68u
enum {
    SMPLRT_DIV = 0x19, CONFIG = 0x1A, GYRO_CONFIG = 0x1B, ACCEL_CONFIG = 0x1C, INT_ENABLE = 0x38, INT_STATUS = 0x3A,
    PWR_MGMT_1 = 0x6B
};
#define DATA_READY 0x01u

/* 16 g at 2048 counts per g; 2000 deg/s at 16.4 counts, so 1998 at 32768. */
static const imuc_config_t CONFIGURATION = {
    1 /* from the chip's own identity */, 16, 1998, 208, IMUC_HAS_TAP | IMUC_HAS_STORE};

bool second_board_begin(void);
bool second_board_begin(void) { return app_begin(&CONFIGURATION, 2048); }

uint64_t board_now_us(void) { return sdk_microseconds(); }
uint16_t board_random16(void) { return (uint16_t)(sdk_random() & 0xFFFFu); }

static uint32_t were;
void board_lock(void) { were = sdk_interrupts_off(); }
void board_unlock(void) { sdk_interrupts_restore(were); }

uint16_t board_mtu(void) { return sdk_gatt_mtu(); }
bool board_notify_data(const uint8_t *bytes, size_t n) { return sdk_gatt_notify(GATT_DATA, bytes, n); }
void board_indicate_ctrl(const uint8_t *bytes, size_t n) { (void)sdk_gatt_indicate(GATT_CTRL, bytes, n); }
void board_notify_sync(const uint8_t *bytes, size_t n) { (void)sdk_gatt_notify(GATT_SYNC, bytes, n); }
void board_notify_battery(uint8_t per_cent) { sdk_battery_level(per_cent); }

static int put(uint8_t reg, uint8_t value)
{
    uint8_t out[2] = {reg, value};
    return sdk_i2c(IMU, out, sizeof out, NULL, 0);
}

/* Samples at 1000 / (1 + divider) Hz, at least what is asked for, behind a 44 Hz low pass. */
int board_imu_start(uint16_t rate_hz)
{
    const uint8_t steps[][2] = {{PWR_MGMT_1, 0x01}, {SMPLRT_DIV, (uint8_t)(1000u / rate_hz - 1u)}, {CONFIG, 3},
                                {GYRO_CONFIG, 3u << 3}, {ACCEL_CONFIG, 3u << 3}, {INT_ENABLE, DATA_READY}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (put(steps[i][0], steps[i][1]) != 0) return -1;
    return 0;
}

int board_imu_stop(void) { return put(PWR_MGMT_1, 0x40); }

/* One at a time; stamped when it is seen, which is as exact as the loop is quick: a board with the interrupt wired
 * stamps there. Acc, temperature, gyr; high bytes first. */
int board_imu_read(int16_t samples[][6], uint64_t *t_us, size_t max, size_t *count)
{
    const uint8_t from = INT_STATUS;
    uint8_t in[15];
    *count = 0;
    if (max == 0 || sdk_i2c(IMU, &from, 1, in, sizeof in) != 0) return -1;
    if (!(in[0] & DATA_READY)) return 0;
    t_us[0] = sdk_microseconds();
    for (size_t i = 0; i < 6; i++) {
        size_t at = 1 + 2 * (i < 3 ? i : i + 1);
        int32_t x = in[at] << 8 | in[at + 1];
        samples[0][i] = (int16_t)(x < 32768 ? x : x - 65536);
    }
    *count = 1;
    return 0;
}

uint8_t board_battery(void) { return 255; }
void board_led(bool on) { sdk_led(on); }
void board_vibrate(bool on) { (void)on; }
