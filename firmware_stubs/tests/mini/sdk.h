/* sdk.h: what a vendor's kit offers, under made-up names; a real board has its own. */
#ifndef MINI_SDK_H
#define MINI_SDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GATT_DATA = 2, GATT_CTRL, GATT_SYNC };

uint64_t sdk_microseconds(void);
uint32_t sdk_random(void);
uint32_t sdk_interrupts_off(void);
void sdk_interrupts_restore(uint32_t were);
int sdk_i2c(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in);
bool sdk_gatt_notify(int characteristic, const uint8_t *bytes, size_t n);
bool sdk_gatt_indicate(int characteristic, const uint8_t *bytes, size_t n);
uint16_t sdk_gatt_mtu(void);
void sdk_battery_level(uint8_t per_cent);
void sdk_led(bool on);

#endif
