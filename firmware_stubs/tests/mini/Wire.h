/* Wire.h, mini: see Arduino.h here. */
#ifndef MINI_WIRE_H
#define MINI_WIRE_H

#include <stddef.h>
#include <stdint.h>

class TwoWire {
public:
    void begin();
    void setClock(uint32_t hz);
    void beginTransmission(uint8_t address);
    uint8_t endTransmission(bool stop = true);
    size_t requestFrom(uint8_t address, size_t n);
    size_t write(uint8_t value);
    int read();
};
extern TwoWire Wire1;

#endif
