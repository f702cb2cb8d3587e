/* Arduino.h, mini: just enough of Seeed's nRF52 core to check the syntax and types of the glue; no implementation. */
#ifndef MINI_ARDUINO_H
#define MINI_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

enum { LOW, HIGH };
enum { INPUT, OUTPUT };
enum { RISING = 3 };
enum { D0 = 0, PIN_LSM6DS3TR_C_POWER = 15, PIN_LSM6DS3TR_C_INT1 = 18, PIN_VBAT = 32, VBAT_ENABLE = 14, LED_BLUE = 12 };
typedef enum { AR_INTERNAL_3_0 } eAnalogReference;

void pinMode(uint32_t pin, uint32_t mode);
void digitalWrite(uint32_t pin, uint32_t value);
uint32_t analogRead(uint32_t pin);
void analogReference(eAnalogReference mode);
void analogReadResolution(int bits);
long random(long below);
void randomSeed(uint32_t seed);
void delay(uint32_t ms);
int digitalPinToInterrupt(uint32_t pin);
int attachInterrupt(uint32_t pin, void (*callback)(void), uint32_t mode);
void noInterrupts(void);
void interrupts(void);
uint32_t __get_PRIMASK(void);
void __set_PRIMASK(uint32_t value);
void __disable_irq(void);

typedef struct { volatile uint32_t TASKS_START, COUNTER, PRESCALER; } NRF_RTC_Type;
typedef struct { volatile uint32_t DEVICEID[2]; } NRF_FICR_Type;
extern NRF_RTC_Type *NRF_RTC2;
extern NRF_FICR_Type *NRF_FICR;

#endif
