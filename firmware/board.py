"""Pins of the node, per board. Made from hardware/pinmap.toml by ./dev hardware: change it there.

Resistors outside hold every input: use no pull of the chip. Designed, not built.
"""


def pins(name: str) -> "dict[str, int]":
    """Signal -> GPIO number of the board "esp32-s3" or "pico-2-w"; ValueError for another."""
    if name == "esp32-s3":
        return {
            "SUPPLY": 1,  # adc: supply voltage
            "HOLDUP": 2,  # adc: voltage of the hold-up capacitors
            "DOOR": 4,  # input: door switch of the cabinet, closed to ground: low is shut
            "HELP": 5,  # input: help button, closed to ground: low is pressed
            "IGNITION": 6,  # input: ignition: high is on
            "PROBES": 7,  # onewire: 1-Wire of the DS18B20 probes
            "SDA": 8,  # i2c0_sda: I2C data: SHT4x of cabinet and cabin
            "SCL": 9,  # i2c0_scl: I2C clock: SHT4x of cabinet and cabin
            "PI_POWER": 10,  # output: switches the Pi's 5 V: high is on; in reset as it was
            "PI_HALT": 11,  # output: asks the Pi to shut down: high asks; in reset low
            "PI_OFF": 12,  # input: the Pi says that it has shut down: high is off; in reset low
            "AUX_RX": 13,  # uart0_rx: serial input: a scanner, or GNSS of a node without a Pi
            "BUZZER": 14,  # pwm: buzzer, through a transistor: high sounds; in reset low
            "SCALE_DATA_A": 15,  # i2c1_sda: scale A: data of an HX711, or SDA of a NAU7802
            "SCALE_CLOCK": 16,  # i2c1_scl: both scales: clock of an HX711, or SCL of a NAU7802
            "LINK_TX": 17,  # uart1_tx: node to Pi; without a Pi: to a modem; in reset high
            "LINK_RX": 18,  # uart1_rx: Pi to node; without a Pi: from a modem
            "LED": 21,  # output: light for the crew: high is lit
            "SCALE_DATA_B": 38,  # i2c1_sda: scale B: data of an HX711, or SDA of a NAU7802
            "BOOKS_SCK": 39,  # spi0_sck: book reader PN5180: SPI clock
            "BOOKS_MISO": 40,  # spi0_miso: book reader PN5180: SPI, reader to node
            "BOOKS_MOSI": 41,  # spi0_mosi: book reader PN5180: SPI, node to reader
            "BOOKS_CS": 42,  # spi0_cs: book reader PN5180: select, low
            "BOOKS_BUSY": 47,  # input: book reader PN5180: high is busy
            "BOOKS_RESET": 48,  # output: book reader PN5180: reset, low; in reset low
        }
    if name == "pico-2-w":
        return {
            "SUPPLY": 26,  # adc: supply voltage
            "HOLDUP": 27,  # adc: voltage of the hold-up capacitors
            "DOOR": 2,  # input: door switch of the cabinet, closed to ground: low is shut
            "HELP": 3,  # input: help button, closed to ground: low is pressed
            "IGNITION": 8,  # input: ignition: high is on
            "PROBES": 22,  # onewire: 1-Wire of the DS18B20 probes
            "SDA": 20,  # i2c0_sda: I2C data: SHT4x of cabinet and cabin
            "SCL": 21,  # i2c0_scl: I2C clock: SHT4x of cabinet and cabin
            "PI_POWER": 9,  # output: switches the Pi's 5 V: high is on; in reset as it was
            "PI_HALT": 11,  # output: asks the Pi to shut down: high asks; in reset low
            "PI_OFF": 12,  # input: the Pi says that it has shut down: high is off; in reset low
            "AUX_RX": 1,  # uart0_rx: serial input: a scanner, or GNSS of a node without a Pi
            "BUZZER": 15,  # pwm: buzzer, through a transistor: high sounds; in reset low
            "SCALE_DATA_A": 6,  # i2c1_sda: scale A: data of an HX711, or SDA of a NAU7802
            "SCALE_CLOCK": 7,  # i2c1_scl: both scales: clock of an HX711, or SCL of a NAU7802
            "LINK_TX": 4,  # uart1_tx: node to Pi; without a Pi: to a modem; in reset high
            "LINK_RX": 5,  # uart1_rx: Pi to node; without a Pi: from a modem
            "LED": 14,  # output: light for the crew: high is lit
            "SCALE_DATA_B": 10,  # i2c1_sda: scale B: data of an HX711, or SDA of a NAU7802
            "BOOKS_SCK": 18,  # spi0_sck: book reader PN5180: SPI clock
            "BOOKS_MISO": 16,  # spi0_miso: book reader PN5180: SPI, reader to node
            "BOOKS_MOSI": 19,  # spi0_mosi: book reader PN5180: SPI, node to reader
            "BOOKS_CS": 17,  # spi0_cs: book reader PN5180: select, low
            "BOOKS_BUSY": 13,  # input: book reader PN5180: high is busy
            "BOOKS_RESET": 0,  # output: book reader PN5180: reset, low; in reset low
        }
    raise ValueError("no such board: " + str(name))


# Bus -> (kind, its signals, speed in Hz or baud, controller per board; -1: made by software).
BUSES = {
    "climate": ("i2c", ("SDA", "SCL"), 100000, {"esp32-s3": 0, "pico-2-w": 0}),
    "scale-a": ("i2c", ("SCALE_DATA_A", "SCALE_CLOCK"), 100000, {"esp32-s3": -1, "pico-2-w": -1}),
    "scale-b": ("i2c", ("SCALE_DATA_B", "SCALE_CLOCK"), 100000, {"esp32-s3": -1, "pico-2-w": -1}),
    "books": ("spi", ("BOOKS_SCK", "BOOKS_MISO", "BOOKS_MOSI"), 5000000, {"esp32-s3": 1, "pico-2-w": 0}),
    "link": ("uart", ("LINK_TX", "LINK_RX"), 115200, {"esp32-s3": 1, "pico-2-w": 1}),
    "aux": ("uart", ("AUX_RX",), 9600, {"esp32-s3": 2, "pico-2-w": 0}),
}

# I2C device -> (bus, address).
DEVICES = {
    "CABINET": ("climate", 0x44),
    "CABIN": ("climate", 0x45),
    "SCALE_A": ("scale-a", 0x2A),
    "SCALE_B": ("scale-b", 0x2A),
}

# What the voltage at the pin has to be multiplied by.
DIVIDERS = {
    "SUPPLY": 16,
    "HOLDUP": 2,
}

# What can wake the node from deep sleep, and the level that does.
WAKES = {
    "DOOR": 1,
    "HELP": 0,
    "IGNITION": 1,
}

# From hardware/power.toml. Nothing of it was measured yet.
LIMITS = {
    "holdup_start_mv": 4270,  # below: a shutdown could not be held
    "supply_low_mv": 8000,  # below for supply_low_ms: shut the Pi down
    "supply_low_ms": 1000,
    "halt_timeout_ms": 30000,  # then its supply is cut all the same
    "linger_ms": 120000,  # the Pi stays on for so long after the ignition went
}

# Computer -> (started above, shut down below), hundredths of a degree in the cabin.
PI_COLD_CC = {"cm4": (-1800, -2000), "zero-2-w": (200, 0)}

# What the node wakes for -> (every so many seconds, awake for at most so many ms).
DUTY = {
    "parked_sample": (60, 1000),
    "cabinet_sample": (300, 1000),
    "cabinet_scale": (900, 2000),
    "cabinet_look": (3600, 2500),
    "cabinet_send": (86400, 15000),
    "modem_dial": (86400, 150000),
}
