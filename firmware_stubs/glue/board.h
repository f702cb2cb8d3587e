/* board: all that a new board has to give; app.c does the rest. Times are microseconds that never go back. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint64_t board_now_us(void);     /* from a crystal: an RC oscillator is too far off */
uint16_t board_random16(void);
void board_lock(void);           /* keeps the radio's callbacks and interrupts out for a few instructions */
void board_unlock(void);

/* Radio. The callbacks of its stack call app_link, app_ctrl and app_sync (app.h). */
uint16_t board_mtu(void);        /* ATT MTU of the connection */
bool board_notify_data(const uint8_t *bytes, size_t n); /* false: the stack takes no more now */
void board_indicate_ctrl(const uint8_t *bytes, size_t n);
void board_notify_sync(const uint8_t *bytes, size_t n);
void board_notify_battery(uint8_t per_cent);

/* IMU: 0 for done. Read gives up to max samples (acc x y z, gyr x y z) with their times, oldest first. */
int board_imu_start(uint16_t rate_hz);
int board_imu_stop(void);
int board_imu_read(int16_t samples[][6], uint64_t *t_us, size_t max, size_t *count);

/* The rest; a board without one of these does nothing there. */
uint8_t board_battery(void);     /* per cent, 255 unknown */
void board_led(bool on);
void board_vibrate(bool on);

#ifdef __cplusplus
}
#endif
#endif
