"""MicroPython's `machine` of two boards: refuses what their C sources refuse, and knows who has which pin.

ORTOO_BOARD is esp32 or rp2. Read in MicroPython 1.26.1: machine_*.c and modmachine.c of ports/esp32 and rp2.
"""

import os

IS_ESP32 = os.getenv("ORTOO_BOARD") == "esp32"
ESP32_TX, RP2_TX = {1: 10, 2: 17}, {0: 0, 1: 4}  # of a UART that is given none
ESP32_ADC1, RP2_ADC = range(1, 11), range(26, 30)
owners = {}  # GPIO -> who drives it or listens there, the last that took it
levels = {}
said = []  # what ends a start, and what cannot be undone
cause = [1]
memory = [b""]
mem32 = {}

PWRON_RESET, WDT_RESET = 1, 3
if IS_ESP32:
    HARD_RESET, DEEPSLEEP_RESET, SOFT_RESET = 2, 4, 5


class Ended(Exception):
    """What comes after deepsleep() and reset(): nothing."""


def reset_cause():
    return cause[0]


def reset():
    said.append("reset")
    raise Ended


def deepsleep(ms):
    said.append(f"deepsleep {ms}")
    raise Ended


def disable_irq():
    said.append("irq off")
    return 1


def enable_irq(state):
    said.append("irq on")


class Pin:
    IN, OUT = 0, 1

    def __init__(self, number, mode=-1, pull=-1, *, value=None):
        if not 0 <= number <= (48 if IS_ESP32 else 29):
            raise ValueError("invalid pin")
        self.number = number
        if mode != -1:
            owners[number] = "out" if mode else "in"
        if value is not None:
            levels[number] = int(bool(value))

    def value(self, level=None):
        if level is None:
            return levels.get(self.number, 0)
        levels[self.number] = int(bool(level))
        return None


class PWM:
    def __init__(self, pin, *, freq, duty_u16):
        if not 0 <= duty_u16 <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._number = pin.number
        owners[pin.number] = "PWM"
        levels[pin.number] = 1

    def deinit(self):
        if IS_ESP32:
            levels[self._number] = 0  # an RP2 stops at whatever level it was


class Timer:
    ONE_SHOT = 0

    def __init__(self, number=-1):
        if IS_ESP32 and not 0 <= number < 4:
            raise ValueError("invalid Timer number")
        if not IS_ESP32 and number != -1:
            raise ValueError("Timer doesn't exist")


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, **given):
        if given and (not IS_ESP32 or set(given) != {"atten"}):
            raise TypeError("extra keyword arguments given")
        if pin.number not in (ESP32_ADC1 if IS_ESP32 else RP2_ADC):
            raise ValueError("invalid pin" if IS_ESP32 else "Pin doesn't have ADC capabilities")
        owners[pin.number] = "ADC"

    def read_u16(self):
        return 32768

    def read_uv(self):
        if not IS_ESP32:
            raise AttributeError("read_uv")
        return 1_500_000


class WDT:
    def __init__(self, *, timeout):
        if timeout <= 0 or (not IS_ESP32 and timeout > 8388):
            raise ValueError("timeout exceeds 8388")
        said.append(f"watchdog {timeout}")

    def feed(self):
        """It was fed."""


class RTC:
    def memory(self, data=None):
        if not IS_ESP32:
            raise AttributeError("memory")
        if data is None:
            return memory[0]
        if len(data) > 2048:
            raise ValueError("buffer too long")
        memory[0] = bytes(data)
        return None

    def datetime(self, fields):
        if len(fields) != 8:
            raise ValueError(f"requested length 8 but object has length {len(fields)}")
        said.append(f"time {fields[0]}-{fields[1]}-{fields[2]}")


class UART:
    def __init__(self, number, baudrate=115200, *, tx=None, rx=None, txbuf=256, rxbuf=256, timeout=0):
        own = ESP32_TX if IS_ESP32 else RP2_TX
        if number not in own and not (IS_ESP32 and number == 0):
            raise ValueError(f"UART({number}) does not exist")
        numbers = [own[number] if tx is None else tx.number, rx.number]
        for at, name in enumerate(("TX", "RX")):
            if not IS_ESP32 and not _is_uart(number, numbers[at], at):
                raise ValueError(f"bad {name} pin")
            owners[numbers[at]] = f"UART{number}.{name}"


def _is_uart(number, pin, at):
    """ports/rp2/machine_uart.c, as it was before the RP2350 could do more."""
    return pin & 3 == at and ((pin + 4) & 8) >> 3 == number


class _Bus:
    """An I2C that nobody answers on; one whose pins another has taken does not come to ask."""

    def _take(self, scl, sda, who):
        self._numbers, self._who = (scl.number, sda.number), who
        owners[scl.number], owners[sda.number] = who + ".scl", who + ".sda"

    def writeto(self, address, data):
        if [owners[number].split(".")[0] for number in self._numbers] != [self._who] * 2:
            raise OSError(116, "ETIMEDOUT")
        raise OSError(19 if IS_ESP32 else 5)


class I2C(_Bus):
    def __init__(self, number, *, scl, sda, freq):
        if number not in (0, 1):
            raise ValueError(f"I2C({number}) doesn't exist")
        if not IS_ESP32:
            for name, pin, least in (("SCL", scl, 1), ("SDA", sda, 0)):
                if pin.number & 1 != least or (pin.number & 2) >> 1 != number:
                    raise ValueError(f"bad {name} pin")
        self._take(scl, sda, f"I2C{number}")


class SoftI2C(_Bus):
    def __init__(self, *, scl, sda, freq):
        self._take(scl, sda, "SoftI2C")


class SPI:
    def __init__(self, number, baudrate, *, polarity, phase, sck, mosi, miso):
        if number not in ((1, 2) if IS_ESP32 else (0, 1)):
            raise ValueError(f"SPI({number}) doesn't exist")
        for least, name, pin in ((2, "SCK", sck), (3, "MOSI", mosi), (0, "MISO", miso)):
            if not IS_ESP32 and (pin.number & 3 != least or (pin.number & 8) >> 3 != number):
                raise ValueError(f"bad {name} pin")
            owners[pin.number] = f"SPI{number}.{name}"
