/* taps: double and triple taps with a finger on the sensor, felt in its own accelerations.
 *
 * Strength alone does not tell a tap from exercise: in recorded walking the acceleration changes by up to 3.4 g between
 * two samples (a finger: 1 g and more), in slow exercise by less than 0.25 g nearly always. Shape and pace do. A tap is
 * a short burst of change with rest before and after; taps that belong together come at the pace of a hand: steps come
 * slower or do not stop, drumming does not stop after three. In 93 minutes of recorded walking, yoga, arm exercise and
 * a board moved by hand (50 to 104 Hz) nothing was taken for a tap. Thresholds are engineering defaults; fingers were
 * only simulated, and nothing was tried on hardware.
 */
#ifndef IMUC_TAPS_H
#define IMUC_TAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAPS_LOW_MG 250u         /* change between two samples, sum of the axes: slow exercise is below, a tap above */
#define TAPS_HIGH_MG 1000u       /* a burst of a tap has a change above this */
#define TAPS_CALM_US 40000u      /* a burst is over after this long below LOW */
#define TAPS_SHORT_US 60000u     /* a burst of a tap: finger, then strap and skin ringing */
#define TAPS_BOUNCE_US 100000u   /* nobody taps faster than this on purpose */
#define TAPS_PAUSE_US 450000u    /* nor, within one double tap, slower: so long it rests before and after */
#define TAPS_MIN_RATE 100u       /* Hz: below, most taps fall between two samples */

typedef struct {
    int32_t low, high;           /* counts */
    int16_t last[3];
    bool started, burst, peak, spoilt;
    uint8_t count;               /* taps so far, 4: too many */
    uint64_t burst_us, busy_us;  /* when the burst began, and its last change above LOW */
    uint64_t tap_us;             /* the last tap: the time to give to imuc_tap */
} imuc_taps_t;

size_t imuc_taps_sizeof(void);   /* for callers that are not C */
void imuc_taps_init(imuc_taps_t *d, uint16_t counts_per_g);
uint8_t imuc_taps_feed(imuc_taps_t *d, const int16_t acc[3], uint64_t t_us); /* 2 or 3 once they are over, else 0 */

#ifdef __cplusplus
}
#endif

#endif
