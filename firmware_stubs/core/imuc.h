/* imuc: everything a motion sensor does between its IMU and its radio stack (docs/protocol.md, version 1).
 *
 * Portable C99: no malloc, no libc I/O, no RTOS, no clock of its own. The glue of a board owns the memory, the clock
 * (microseconds, 64 bit, never going back) and the radio; it calls these functions from one context at a time.
 * Nothing that comes from the air is trusted: any bytes of any length may be passed to imuc_control and imuc_sync.
 */
#ifndef IMUC_H
#define IMUC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMUC_VERSION 1u
#define IMUC_HEAD 10u            /* bytes before the first sample of a data packet */
#define IMUC_SAMPLE 12u          /* bytes of one sample on the air */
#define IMUC_MAX_N 40u           /* samples in a packet: 490 bytes, below the 512 an attribute may have */
#define IMUC_MAX_PACKET (IMUC_HEAD + IMUC_MAX_N * IMUC_SAMPLE)
#define IMUC_MIN_RATE 16u        /* Hz; below, the time between samples does not fit its u16 */
#define IMUC_MAX_RATE 1000u      /* Hz; far above what a body needs, low enough that no sum here overflows */
#define IMUC_MIN_STORE 128u      /* samples; three of the largest packets */
#define IMUC_MAX_STORE 32768u    /* samples; half of what a 16 bit number can tell apart */
#define IMUC_AWAY_US 600000000u  /* it samples into the store for this long while nobody asks, then saves the battery */
#define IMUC_TAPS 4u             /* tap events that may wait */
#define IMUC_MAX_REPLY 12u       /* bytes of the longest indication on CTRL */
#define IMUC_SYNC_REPLY 22u
#define IMUC_INFO 20u
#define IMUC_DITHER_US 60000u    /* the clock reply waits 0 to this, so as not to lock to the connection events */

enum { IMUC_LIVE = 0x11, IMUC_STORED = 0x12, IMUC_TAP = 0x13 };
enum { IMUC_START = 1, IMUC_STOP, IMUC_STATUS, IMUC_IDENTIFY, IMUC_HAPTIC, IMUC_RESUME, IMUC_REPLY = 0x80 };
enum { IMUC_OK = 0, IMUC_UNKNOWN = 1, IMUC_LENGTH = 2, IMUC_STATE = 3, IMUC_MTU = 4, IMUC_RANGE = 5 };
enum { IMUC_HAS_TAP = 1, IMUC_HAS_HAPTIC = 2, IMUC_HAS_STORE = 4, IMUC_HAS_BATTERY = 8 };

typedef struct {
    int16_t v[6];                /* raw counts: acc x y z, gyr x y z */
    uint32_t t_us;               /* low half of the device time */
} imuc_sample_t;

typedef struct {
    uint64_t serial;
    uint16_t acc_range, gyr_range; /* full scale, g and deg/s */
    uint16_t max_rate;           /* Hz */
    uint8_t features;            /* IMUC_HAS_ bits */
} imuc_config_t;

typedef struct {
    imuc_config_t config;
    imuc_sample_t *store;        /* ring: sample number k is at k % capacity */
    uint32_t capacity;
    uint32_t at;                 /* where the next sample goes in the ring */
    uint32_t end;                /* samples pushed since START: the number of the next one */
    uint32_t held;               /* samples in the store: numbers end - held to end - 1 */
    uint32_t next;               /* the first number not sent */
    uint32_t offered;            /* highest number ever offered to the stack, plus one */
    uint32_t dropped;            /* samples skipped or overwritten before they were sent */
    uint32_t out_first;          /* what imuc_peek returned: first number, or number of the tap */
    uint16_t rate;               /* Hz, 0: not sampling */
    uint16_t mtu;
    uint8_t granted, n;          /* samples a packet: as granted, as the MTU allows now */
    uint8_t out_n, out_taps;     /* samples, or taps, that imuc_peek returned */
    uint8_t battery;             /* per cent, 255 unknown */
    bool flowing;                /* START or RESUME came on this connection */
    bool catching;               /* sending from the store faster than real time */
    bool idle;                   /* nobody has asked for the samples since idle_us */
    uint64_t now_us, idle_us;
    uint8_t taps[IMUC_TAPS][8];  /* ring of finished tap events */
    uint32_t tap_end;            /* events ever */
    uint8_t tap_held;
    bool sync_waits;
    uint8_t sync_head[5];        /* id, token */
    uint64_t sync_rx_us;
    uint64_t led_us, haptic_us;  /* when the pattern began */
    uint8_t led_seconds, haptic; /* 0: no pattern */
    uint8_t out[IMUC_MAX_PACKET];
} imuc_t;

/* --- life --------------------------------------------------------------------------------------------------------- */
/* False, and nothing works, when the configuration or the store (capacity samples) is out of bounds. */
bool imuc_init(imuc_t *s, const imuc_config_t *config, imuc_sample_t *store, uint32_t capacity);
size_t imuc_sizeof(void);        /* for callers that are not C */
void imuc_connected(imuc_t *s);
void imuc_disconnected(imuc_t *s);
void imuc_set_mtu(imuc_t *s, uint16_t att_mtu);
void imuc_set_battery(imuc_t *s, uint8_t per_cent);
void imuc_tick(imuc_t *s, uint64_t t_us); /* every 25 ms or faster: patterns, and the end of sampling when away */

/* --- samples out -------------------------------------------------------------------------------------------------- */
void imuc_push(imuc_t *s, const int16_t v[6], uint64_t t_us); /* ignored while not sampling */
void imuc_tap(imuc_t *s, uint8_t taps, uint64_t t_us);        /* t_us: of the last tap */
size_t imuc_peek(imuc_t *s, const uint8_t **packet); /* the next DATA payload that wants to go out, or 0 */
void imuc_sent(imuc_t *s);                           /* the stack has taken what imuc_peek returned */

/* --- requests in -------------------------------------------------------------------------------------------------- */
/* The answer to a CTRL write of any bytes, always 3 to IMUC_MAX_REPLY bytes; out has room for IMUC_MAX_REPLY. */
size_t imuc_control(imuc_t *s, const uint8_t *in, size_t length, uint64_t t_us, uint8_t *out);
/* A SYNC write of any bytes: microseconds to wait before imuc_sync_reply, or -1 (not a request, or one is waiting). */
int32_t imuc_sync(imuc_t *s, const uint8_t *in, size_t length, uint64_t t_rx_us, uint16_t random);
size_t imuc_sync_reply(imuc_t *s, uint64_t t_tx_us, uint8_t *out); /* IMUC_SYNC_REPLY bytes, or 0: none waits */
void imuc_info(const imuc_t *s, uint8_t *out);                     /* IMUC_INFO bytes */

/* --- for the board ------------------------------------------------------------------------------------------------ */
uint16_t imuc_rate(const imuc_t *s);  /* Hz that the IMU should sample at, 0: off */
bool imuc_led(const imuc_t *s);       /* as of the last imuc_tick */
bool imuc_vibrate(const imuc_t *s);

#ifdef __cplusplus
}
#endif
#endif
