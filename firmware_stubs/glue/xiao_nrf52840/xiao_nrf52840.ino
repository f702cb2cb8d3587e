/* xiao_nrf52840: Seeed Studio XIAO nRF52840 Sense, with Seeed's Arduino core (Bluefruit52).
 *
 * NEVER RUN ON HARDWARE. It is written from the documentation of the board, the core and the chips, and its syntax is
 * checked against the small headers in mini/; expect to correct it on the first real board.
 *
 * `python3 firmware_stubs/build.py sketch --out xiao_nrf52840` puts it and what it needs in one folder for the
 * Arduino IDE.
 */
#include <Arduino.h>
#include <Wire.h>
#include <bluefruit.h>

#include "anchor.h"
#include "app.h"
#include "board.h"
#include "lsm6ds3trc.h"

static const uint16_t ACC_G = 16, GYR_DEG_S = 2000, MAX_RATE = 208, WATERMARK = 4;
static const uint8_t IMU_ADDRESS = 0x6A;
static const int PIN_MOTOR = D0; /* a coin motor through a transistor, when there is one */
static const bool HAS_MOTOR = false;
static const uint8_t FEATURES = IMUC_HAS_TAP | IMUC_HAS_STORE | IMUC_HAS_BATTERY | (HAS_MOTOR ? IMUC_HAS_HAPTIC : 0);

/* --- time: RTC2 counts the 32768 Hz crystal (20 ppm, on in sleep), 24 bits; the loop sees every turn (512 s) ------ */
static uint64_t ticks;

extern "C" uint64_t board_now_us(void)
{
    uint32_t now;
    uint64_t sum;
    uint32_t was = __get_PRIMASK(); /* interrupts ask for the time, too */
    __disable_irq();
    now = NRF_RTC2->COUNTER;
    ticks += (now - (uint32_t)ticks) & 0xFFFFFFu;
    sum = ticks;
    __set_PRIMASK(was);
    return sum * 15625u / 512u;
}

extern "C" uint16_t board_random16(void) { return (uint16_t)random(65536); }
extern "C" void board_lock(void) { noInterrupts(); }
extern "C" void board_unlock(void) { interrupts(); }

/* --- radio -------------------------------------------------------------------------------------------------------- */
/* 6e3f000N-5b1c-4d0e-9f4a-1b7c2d9e8a01, last byte first. */
#define UUID(N) {0x01, 0x8A, 0x9E, 0x2D, 0x7C, 0x1B, 0x4A, 0x9F, 0x0E, 0x4D, 0x1C, 0x5B, N, 0x00, 0x3F, 0x6E}
static const uint8_t UUIDS[6][16] = {{0}, UUID(1), UUID(2), UUID(3), UUID(4), UUID(5)};
static BLEService service(UUIDS[1]);
static BLECharacteristic data(UUIDS[2]), ctrl(UUIDS[3]), sync_(UUIDS[4]), info(UUIDS[5]);
static BLEBas battery;
static BLEDis device;
static volatile uint16_t connection = BLE_CONN_HANDLE_INVALID;

extern "C" uint16_t board_mtu(void)
{
    BLEConnection *link = Bluefruit.Connection(connection);
    return link ? link->getMtu() : 23;
}

extern "C" bool board_notify_data(const uint8_t *bytes, size_t n) { return data.notify(bytes, (uint16_t)n); }
extern "C" void board_indicate_ctrl(const uint8_t *bytes, size_t n) { ctrl.indicate(bytes, (uint16_t)n); }
extern "C" void board_notify_sync(const uint8_t *bytes, size_t n) { sync_.notify(bytes, (uint16_t)n); }
extern "C" void board_notify_battery(uint8_t per_cent) { battery.notify(per_cent); }

static void on_connect(uint16_t handle)
{
    BLEConnection *link = Bluefruit.Connection(handle);
    connection = handle;
    if (link) {
        link->requestPHY();
        link->requestDataLengthUpdate();
        link->requestMtuExchange(247);
    }
    app_link(true);
}

static void on_disconnect(uint16_t, uint8_t)
{
    connection = BLE_CONN_HANDLE_INVALID;
    app_link(false);
}

static void on_ctrl(uint16_t, BLECharacteristic *, uint8_t *bytes, uint16_t n) { app_ctrl(bytes, n, board_now_us()); }
static void on_sync(uint16_t, BLECharacteristic *, uint8_t *bytes, uint16_t n) { app_sync(bytes, n, board_now_us()); }

static void characteristic(BLECharacteristic &c, uint8_t properties, BleSecurityMode write, uint16_t longest)
{
    c.setProperties(properties);
    c.setPermission(SECMODE_OPEN, write);
    c.setMaxLen(longest);
    c.begin();
}

static void begin_radio(uint64_t serial, const uint8_t *about)
{
    static char name[] = "imu-0000", number[] = "0000000000000000";
    for (int i = 0; i < 16; i++) number[i] = "0123456789ABCDEF"[serial >> (60 - 4 * i) & 15];
    for (int i = 0; i < 4; i++) name[4 + i] = number[12 + i];
    Bluefruit.configPrphBandwidth(BANDWIDTH_MAX);
    Bluefruit.begin();
    Bluefruit.setName(name);
    Bluefruit.setTxPower(4);
    Bluefruit.autoConnLed(false);
    Bluefruit.Periph.setConnectCallback(on_connect);
    Bluefruit.Periph.setDisconnectCallback(on_disconnect);
    Bluefruit.Periph.setConnInterval(12, 24); /* 15 to 30 ms, in 1.25 ms */
    Bluefruit.Periph.setConnSupervisionTimeout(400); /* 4 s, in 10 ms */
    device.setManufacturer("imu_coach");
    device.setModel("XIAO nRF52840 Sense");
    device.setSerialNum(number);
    device.setFirmwareRev("1");
    device.begin();
    battery.begin();
    service.begin();
    ctrl.setWriteCallback(on_ctrl);
    sync_.setWriteCallback(on_sync);
    characteristic(data, CHR_PROPS_NOTIFY, SECMODE_NO_ACCESS, 244);
    characteristic(ctrl, CHR_PROPS_WRITE | CHR_PROPS_INDICATE, SECMODE_OPEN, 20);
    characteristic(sync_, CHR_PROPS_WRITE_WO_RESP | CHR_PROPS_NOTIFY, SECMODE_OPEN, IMUC_SYNC_REPLY);
    characteristic(info, CHR_PROPS_READ, SECMODE_NO_ACCESS, IMUC_INFO);
    info.write(about, IMUC_INFO);
    Bluefruit.Advertising.addFlags(BLE_GAP_ADV_FLAGS_LE_ONLY_GENERAL_DISC_MODE);
    Bluefruit.Advertising.addService(service);
    Bluefruit.ScanResponse.addName();
    Bluefruit.Advertising.restartOnDisconnect(true);
    Bluefruit.Advertising.setInterval(160, 640); /* 100 ms at first, then 400 ms, in 0.625 ms */
    Bluefruit.Advertising.setFastTimeout(30);
    Bluefruit.Advertising.start(0);
}

/* --- IMU: its own I2C bus and power pin, INT1 --------------------------------------------------------------------- */
static lsm6_t imu;
static anchor_t anchor;
static volatile uint64_t rise_us;
static volatile bool risen;

static int imu_read(void *, uint8_t reg, uint8_t *to, size_t n)
{
    Wire1.beginTransmission(IMU_ADDRESS);
    Wire1.write(reg);
    if (Wire1.endTransmission(false) != 0 || Wire1.requestFrom(IMU_ADDRESS, n) != n) return -1;
    for (size_t i = 0; i < n; i++) to[i] = (uint8_t)Wire1.read();
    return 0;
}

static int imu_write(void *, uint8_t reg, uint8_t value)
{
    Wire1.beginTransmission(IMU_ADDRESS);
    Wire1.write(reg);
    Wire1.write(value);
    return Wire1.endTransmission();
}

static void imu_wait(void *, uint32_t ms) { delay(ms); }

static void on_int1(void)
{
    rise_us = board_now_us();
    risen = true;
}

extern "C" int board_imu_start(uint16_t rate_hz)
{
    static const lsm6_bus_t bus = {nullptr, imu_read, imu_write, imu_wait};
    int e = lsm6_init(&imu, &bus, ACC_G, GYR_DEG_S);
    if (e != LSM6_OK) return e;
    risen = false;
    e = lsm6_start(&imu, rate_hz, WATERMARK);
    anchor_init(&anchor, imu.rate, WATERMARK);
    return e;
}

extern "C" int board_imu_stop(void) { return lsm6_stop(&imu); }

extern "C" int board_imu_read(int16_t samples[][6], uint64_t *t_us, size_t max, size_t *count)
{
    uint64_t at;
    int e;
    *count = 0;
    if (!risen) return 0;
    noInterrupts();
    at = rise_us;
    risen = false;
    interrupts();
    e = lsm6_read(&imu, samples, max, count);
    if (e == LSM6_OK && *count == max) e = LSM6_OVERRUN; /* some may be left, INT1 would not rise again: start anew */
    if (e == LSM6_OK && !anchor_times(&anchor, at, (uint32_t)*count, t_us)) *count = 0;
    if (e != LSM6_OK) *count = 0;
    return e;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */
/* A lithium cell by its voltage, 3.4 V empty, 4.15 V full; the divider is 1 MOhm to 510 kOhm, the reference 3.0 V. */
extern "C" uint8_t board_battery(void)
{
    float volts;
    analogReference(AR_INTERNAL_3_0);
    analogReadResolution(12);
    volts = (float)analogRead(PIN_VBAT) * 3.0f / 4096.0f * 1510.0f / 510.0f;
    if (volts <= 3.4f) return 0;
    return volts >= 4.15f ? 100 : (uint8_t)((volts - 3.4f) / 0.75f * 100.0f);
}

extern "C" void board_led(bool on) { digitalWrite(LED_BLUE, on ? LOW : HIGH); }

extern "C" void board_vibrate(bool on)
{
    if (HAS_MOTOR) digitalWrite(PIN_MOTOR, on ? HIGH : LOW);
}

void setup(void)
{
    uint64_t serial = (uint64_t)NRF_FICR->DEVICEID[1] << 32 | NRF_FICR->DEVICEID[0];
    const imuc_config_t config = {serial, lsm6_acc_range(ACC_G), lsm6_gyr_range(GYR_DEG_S), MAX_RATE,
                                  FEATURES};
    uint8_t about[IMUC_INFO];
    NRF_RTC2->PRESCALER = 0;
    NRF_RTC2->TASKS_START = 1;
    randomSeed(NRF_FICR->DEVICEID[0]);
    pinMode(LED_BLUE, OUTPUT);
    pinMode(PIN_MOTOR, OUTPUT);
    pinMode(VBAT_ENABLE, OUTPUT); /* stays low: high while charging would put more than 3.6 V on the input */
    digitalWrite(VBAT_ENABLE, LOW);
    pinMode(PIN_LSM6DS3TR_C_POWER, OUTPUT); /* feeds the IMU, 1 mA; Seeed's own library sets it to high drive */
    digitalWrite(PIN_LSM6DS3TR_C_POWER, HIGH);
    pinMode(PIN_LSM6DS3TR_C_INT1, INPUT);
    attachInterrupt(digitalPinToInterrupt(PIN_LSM6DS3TR_C_INT1), on_int1, RISING);
    Wire1.begin();
    Wire1.setClock(400000);
    delay(50);
    if (!app_begin(&config, (uint16_t)(32768 / ACC_G))) return;
    app_info(about);
    begin_radio(serial, about);
}

void loop(void)
{
    app_loop();
    delay(2);
}
