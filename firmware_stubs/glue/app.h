/* app: what every board does with the core: requests in, samples through, packets out. See board.h. */
#ifndef APP_H
#define APP_H

#include "imuc.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef APP_STORE
#define APP_STORE 4368u          /* samples of 16 bytes: 21 s at 208 Hz, 70 kB */
#endif

/* Once, before the radio is switched on. False: the configuration is out of bounds. */
bool app_begin(const imuc_config_t *config, uint16_t counts_per_g);
void app_info(uint8_t *out);     /* what INFO reads as, IMUC_INFO bytes */
/* As often as the board can, at least every 25 ms; from one context only. */
void app_loop(void);

/* From the radio's callbacks, in any context. t_us: now. */
void app_link(bool up);
void app_ctrl(const uint8_t *bytes, size_t n, uint64_t t_us);
void app_sync(const uint8_t *bytes, size_t n, uint64_t t_us);

#ifdef __cplusplus
}
#endif
#endif
