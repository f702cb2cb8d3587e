/* lsm6ds3trc: ST's LSM6DS3TR-C over any bus, its samples taken out of its FIFO.
 *
 * Registers as in ST's data sheet and application note AN5130. Tested against a model of the chip, never on one.
 */
#ifndef LSM6DS3TRC_H
#define LSM6DS3TRC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a board gives: 0 for done, anything else is an error of the bus. */
typedef struct {
    void *board;
    int (*read)(void *board, uint8_t reg, uint8_t *to, size_t n);
    int (*write)(void *board, uint8_t reg, uint8_t value);
    void (*wait_ms)(void *board, uint32_t ms);
} lsm6_bus_t;

enum { LSM6_OK = 0, LSM6_BUS, LSM6_OTHER_CHIP, LSM6_NO_RESET, LSM6_RANGE, LSM6_OVERRUN, LSM6_OFF };

typedef struct {
    lsm6_bus_t bus;
    uint8_t acc_bits, gyr_bits;  /* full scales, as CTRL1_XL and CTRL2_G have them */
    uint8_t odr;                 /* as both have it; 0: off */
    uint16_t rate;               /* Hz, what the chip says it samples at (its own clock is off by per cents) */
    uint16_t watermark;          /* samples that raise INT1 */
} lsm6_t;

/* Full scales in g (2 4 8 16) and deg/s (125 250 500 1000 2000); the chip is reset and left off. */
int lsm6_init(lsm6_t *d, const lsm6_bus_t *bus, uint16_t acc_g, uint16_t gyr_deg_s);
/* What INFO must say: value x 32768 counts. The gyroscope's is 14.7 % above its name: 70 mdps a count make 2294. */
uint16_t lsm6_acc_range(uint16_t acc_g);
uint16_t lsm6_gyr_range(uint16_t gyr_deg_s);
/* Sample at the lowest rate of the chip that is at least rate_hz; INT1 rises when `watermark` samples wait. */
int lsm6_start(lsm6_t *d, uint16_t rate_hz, uint16_t watermark);
int lsm6_stop(lsm6_t *d);
/* Up to max samples, oldest first, acc x y z gyr x y z. After LSM6_OVERRUN the FIFO is empty and running again. */
int lsm6_read(lsm6_t *d, int16_t samples[][6], size_t max, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
