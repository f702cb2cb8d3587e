/* bytes: little-endian integers in and out of byte arrays, on any processor. Private to the core. */
#ifndef IMUC_BYTES_H
#define IMUC_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }

static inline void put16(uint8_t *p, uint16_t x)
{
    p[0] = (uint8_t)(x & 0xFFu);
    p[1] = (uint8_t)(x >> 8);
}

static inline void put32(uint8_t *p, uint32_t x)
{
    put16(p, (uint16_t)(x & 0xFFFFu));
    put16(p + 2, (uint16_t)(x >> 16));
}

static inline void put64(uint8_t *p, uint64_t x)
{
    put32(p, (uint32_t)(x & 0xFFFFFFFFu));
    put32(p + 4, (uint32_t)(x >> 32));
}

static inline void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = from[i];
}

#endif
