/* anchor: the time of every sample, from the times at which the IMU said that so many wait.
 *
 * An IMU samples by its own clock, which is off by per cents, and is read late and in blocks. The one thing known well
 * is when its interrupt rose: then sample number `watermark` since the FIFO was last emptied was taken. Samples between
 * two interrupts are evenly spaced.
 */
#ifndef ANCHOR_H
#define ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t watermark;
    uint32_t nominal_ns, ns;     /* between samples: as the data sheet says, as measured */
    uint64_t last_us, latest_us; /* the last interrupt, the last time given */
    uint32_t after;              /* samples already read beyond that of the last interrupt */
    bool known;                  /* there was one */
} anchor_t;

void anchor_init(anchor_t *a, uint16_t rate, uint16_t watermark);
/* n samples were read, the interrupt of this block rose at rise_us: times[0..n-1] in us, growing. False, and nothing is
 * written, when the block cannot be that of an interrupt (fewer than the watermark). */
bool anchor_times(anchor_t *a, uint64_t rise_us, uint32_t n, uint64_t *times);

#ifdef __cplusplus
}
#endif

#endif
