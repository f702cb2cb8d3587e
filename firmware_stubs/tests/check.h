/* check: counts what does not hold; main returns the number. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int check_bad, check_all;

#define CHECK(condition, ...)                                                         \
    do {                                                                              \
        check_all++;                                                                  \
        if (!(condition)) {                                                           \
            check_bad++;                                                              \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition), printf(__VA_ARGS__); \
            printf("\n");                                                             \
        }                                                                             \
    } while (0)

static inline int check_done(const char *name)
{
    printf("%s: %d checks, %d do not hold\n", name, check_all, check_bad);
    return check_bad > 0;
}

/* A small generator of the same numbers everywhere. */
static inline uint32_t check_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
