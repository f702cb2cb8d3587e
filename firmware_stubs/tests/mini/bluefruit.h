/* bluefruit.h, mini: see Arduino.h here. */
#ifndef MINI_BLUEFRUIT_H
#define MINI_BLUEFRUIT_H

#include <stdint.h>

enum { BLE_CONN_HANDLE_INVALID = 0xFFFF, BANDWIDTH_MAX = 4, BLE_GAP_ADV_FLAGS_LE_ONLY_GENERAL_DISC_MODE = 6 };
enum {
    CHR_PROPS_READ = 2, CHR_PROPS_WRITE_WO_RESP = 4, CHR_PROPS_WRITE = 8, CHR_PROPS_NOTIFY = 16, CHR_PROPS_INDICATE = 32
};
typedef enum { SECMODE_NO_ACCESS, SECMODE_OPEN } BleSecurityMode;

class BLEUuid {
public:
    BLEUuid(const uint8_t uuid128[16]);
};

class BLEConnection {
public:
    uint16_t getMtu();
    bool requestPHY();
    bool requestDataLengthUpdate();
    bool requestMtuExchange(uint16_t mtu);
};

class BLEService {
public:
    BLEService(BLEUuid uuid);
    int begin();
};

class BLECharacteristic {
public:
    typedef void (*write_cb_t)(uint16_t handle, BLECharacteristic *c, uint8_t *data, uint16_t n);
    BLECharacteristic(BLEUuid uuid);
    void setProperties(uint8_t properties);
    void setPermission(BleSecurityMode read, BleSecurityMode write);
    void setMaxLen(uint16_t n);
    void setWriteCallback(write_cb_t callback);
    int begin();
    bool notify(const void *data, uint16_t n);
    bool indicate(const void *data, uint16_t n);
    uint16_t write(const void *data, uint16_t n);
};

class BLEBas : public BLEService {
public:
    BLEBas();
    int begin();
    bool notify(uint8_t level);
};

class BLEDis : public BLEService {
public:
    BLEDis();
    int begin();
    void setManufacturer(const char *text);
    void setModel(const char *text);
    void setSerialNum(const char *text);
    void setFirmwareRev(const char *text);
};

class BLEAdvertisingData {
public:
    bool addFlags(uint8_t flags);
    bool addService(BLEService &service);
    bool addName();
};

class BLEAdvertising : public BLEAdvertisingData {
public:
    void restartOnDisconnect(bool on);
    void setInterval(uint16_t fast, uint16_t slow);
    void setFastTimeout(uint16_t seconds);
    bool start(uint16_t seconds);
};

class BLEPeriph {
public:
    void setConnectCallback(void (*callback)(uint16_t handle));
    void setDisconnectCallback(void (*callback)(uint16_t handle, uint8_t reason));
    bool setConnInterval(uint16_t least, uint16_t most);
    bool setConnSupervisionTimeout(uint16_t timeout);
};

class AdafruitBluefruit {
public:
    void configPrphBandwidth(uint8_t level);
    bool begin();
    void setName(const char *name);
    bool setTxPower(int8_t dbm);
    void autoConnLed(bool on);
    BLEConnection *Connection(uint16_t handle);
    BLEPeriph Periph;
    BLEAdvertising Advertising;
    BLEAdvertisingData ScanResponse;
};
extern AdafruitBluefruit Bluefruit;

#endif
