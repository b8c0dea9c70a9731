"""What drivers make of bytes: vectors of the data sheets, and whatever else a wire may bring."""

import asyncio
import datetime
import itertools
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sources.nmea_gate import part_of
from firmware import board, nmea, wire
from firmware.drivers import DRIVERS, DriverFault, driver_of, ds18b20, hx711, nau7802, scanner, sht4x
from firmware.drivers import help as help_button
from firmware.drivers.door import Door
from firmware.drivers.help import Help, Presses
from firmware.drivers.power import middle
from firmware.steady import LOOK_MS, LOOKS, Steady

RECEIVED = b"$GPRMC,123519.00,A,4807.0380,N,01131.0000,E,022.4,084.4,230326,,,A*"


def sentence(body: bytes) -> bytes:
    total = 0
    for byte in body[1:-1]:
        total ^= byte
    return body + b"%02X\r\n" % total


@pytest.mark.parametrize(
    ("raw", "expected_cc"),
    [  # data sheet 19-7487, table 1
        (0x07D0, 12500),
        (0x0191, 2506),
        (0x00A2, 1013),
        (0x0008, 50),
        (0x0000, 0),
        (0xFFF8, -50),
        (0xFF5E, -1012),
        (0xFE6F, -2506),
        (0xFC90, -5500),
    ],
)
def test_a_ds18b20_as_in_its_data_sheet(raw: int, expected_cc: int) -> None:
    scratch = raw.to_bytes(2, "little") + b"\x4b\x46\x7f\xff\x0c\x10"
    assert ds18b20.parse(scratch + bytes((ds18b20.crc8(scratch),))) == expected_cc


def test_a_ds18b20_that_cannot_be_read_is_a_fault() -> None:
    # The example of Maxim's application note 27, and a scratchpad as the kernel's documentation shows it.
    assert ds18b20.crc8(bytes.fromhex("021cb801000000")) == 0xA2
    assert ds18b20.parse(bytes.fromhex("72014b467fff0e1057")) == 2313
    for data, code in [
        ("72014b467fff0e1058", "crc"),
        ("ff" * 9, "no_reply"),
        ("00" * 9, "no_reply"),
        ("50054b467fff0c101c", "power_on"),
        ("72", "no_reply"),
    ]:
        with pytest.raises(DriverFault) as fault:
            ds18b20.parse(bytes.fromhex(data))
        assert fault.value.code == code


def test_an_sht4x_as_in_its_data_sheet() -> None:
    assert sht4x.crc8(b"\xbe\xef") == 0x92
    word = b"\x80\x00"
    whole = word + bytes((sht4x.crc8(word),)) + b"\x00\x00" + bytes((sht4x.crc8(b"\x00\x00"),))
    assert sht4x.parse(whole) == (4250, 0)
    with pytest.raises(DriverFault):
        sht4x.parse(whole[:2] + b"\x00" + whole[3:])


def test_a_scale_beyond_its_range_weighs_nothing() -> None:
    assert [hx711.parse(bits) for bits in (0, 0x7FFFFE, 0xFFFFFF, 0x800001)] == [0, 0x7FFFFE, -1, -0x7FFFFF]
    for bits in (0x7FFFFF, 0x800000):
        with pytest.raises(DriverFault, match="overload"):
            hx711.parse(bits)
    assert hx711.mass_mg(108388, 8388, 2450) == 245_000


def test_contacts_bounce_and_one_change_is_told() -> None:
    steady = Steady()
    levels = [1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1]
    assert [at for at, level in enumerate(levels) if steady.step(level)] == [2, 10, 14]
    assert middle([12000, 0, 12100, 65000, 12050]) == 12050


@given(st.binary(max_size=400))
def test_whatever_a_receiver_sends_no_exception_and_bounded_memory(noise: bytes) -> None:
    reader = nmea.Reader()
    reader.feed(noise)
    assert len(reader._held) <= nmea.MAX_SENTENCE + 1


@given(st.integers(0, 70), st.integers(32, 126))
def test_a_damaged_sentence_with_a_right_check_sum_is_no_wrong_fix(at: int, byte: int) -> None:
    body = bytearray(RECEIVED)
    if 0 < at < len(body) - 1:
        body[at] = byte
    for utc_ms, fix in nmea.Reader().feed(sentence(bytes(body))):
        assert utc_ms is None or utc_ms >= 946_684_800_000
        if fix["fix_mode"]:
            assert abs(fix["lat_e7"]) <= 900_000_000
            assert abs(fix["lon_e7"]) <= 1_800_000_000


def test_recorded_logs_are_read_as_the_pi_reads_them(shared_data: Path) -> None:
    """The integer parser against the Pi's gate, which asks pynmea2: the same places, speeds and courses."""
    lines = [
        line.strip()
        for log in sorted((shared_data / "nmea").glob("*.log"))
        for line in log.read_bytes().split(b"\n")
        if line[3:6] == b"RMC" and nmea.checked(line.strip()) is not None
    ]
    places = 0
    for line in lines:
        ((_, fix),) = nmea.Reader().feed(line + b"\n")
        part = part_of(line[1:-3].decode())
        assert part is not None
        assert bool(fix["fix_mode"]) == (part.lat_e7 is not None), line
        if part.lat_e7 is not None and part.lon_e7 is not None:
            places += 1
            assert abs(fix["lat_e7"] - part.lat_e7) <= 1, line
            assert abs(fix["lon_e7"] - part.lon_e7) <= 1, line
            assert fix["speed_cm_s"] == part.speed_cm_s or abs(fix["speed_cm_s"] - part.speed_cm_s) <= 1, line
            assert fix["course_ddeg"] == part.course_ddeg or abs(fix["course_ddeg"] - part.course_ddeg) <= 1
    assert places > 40


def test_times_are_those_of_the_calendar() -> None:
    for text in ("010100", "290224", "311299", "280226", "010326"):
        day, month, year = int(text[:2]), int(text[2:4]), 2000 + int(text[4:])
        moment = datetime.datetime(year, month, day, 12, 34, 56, 500000, tzinfo=datetime.UTC)
        assert nmea.utc_ms(text, "123456.5") == int(moment.timestamp() * 1000)
    assert [nmea.utc_ms(date, "000000") for date in ("310226", "000126", "011326", "2902")] == [None] * 4
    assert nmea.utc_ms("010126", "240000") is None


def test_a_fix_says_what_it_knows_and_nothing_else() -> None:
    gga = b"$GPGGA,123519.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,*"
    ((utc_ms, fix),) = nmea.Reader().feed(sentence(gga) + sentence(RECEIVED))
    assert utc_ms == 1774269319000
    assert fix == {
        "lat_e7": 481173000,
        "lon_e7": 115166667,
        "speed_cm_s": 1152,
        "course_ddeg": 844,
        "fix_mode": 2,
        "quality": 0,
        "satellites": 8,
        "hdop_c": 90,
        "altitude_msl_dm": 5454,
    }
    void = b"$GPRMC,123519.00,V,,,,,,,230326,,,N*"
    assert nmea.Reader().feed(sentence(void))[0][1] == {"fix_mode": 0}


def test_codes_end_with_their_line_and_separators_are_printable() -> None:
    lines = scanner.Lines()
    assert lines.feed(b"]d2010950668210135210A\x1d17") == []
    assert lines.feed(b"260101\r\n690\r") == ["]d2010950668210135210A{GS}17260101", "690"]
    assert lines.feed(b"\xff\n" + b"x" * 200 + b"\n") == []
    assert lines.refused == {"too_long": 1, "not_text": 1}


class Board:
    """A port whose pins and buses are the test's."""

    def __init__(self, chip: Any = None) -> None:
        self.chip = chip
        self.level = 1
        self.ms = 0

    def spi(self, bus: str) -> Any:
        assert bus in board.BUSES
        return self.chip

    def i2c(self, bus: str) -> Any:
        assert bus in board.BUSES
        return self.chip

    def now_ms(self) -> int:
        return self.ms

    def random(self, size: int) -> bytes:
        return b"\x5a" * size

    def pin_in(self, signal: str) -> Any:
        return self._pin(signal)

    def pin_out(self, signal: str, value: int = 0) -> Any:
        del value
        return self._pin(signal)

    def _pin(self, signal: str) -> Any:
        assert signal in board.pins("esp32-s3")
        pins = self

        class Pin:
            def value(self, level: int | None = None) -> int:
                return 0 if level is not None else pins.level

        return Pin()


def test_a_door_through_its_pin() -> None:
    port = Board()
    door = Door(port, {"name": "door"})
    assert told_by(door, port, 3) == [("door", {"state": 1})]
    port.level = 0
    assert told_by(door, port, 3) == [("door", {"state": 0, "open_ms": 3 * LOOK_MS})]


def told_by(driver: Any, port: Any, looks: int) -> list[Any]:
    """What a driver tells in so many looks, one in each of its periods."""

    async def look() -> list[Any]:
        told = []
        for _ in range(looks):
            port.ms += driver.period_ms
            told += await driver.read()
        return told

    return asyncio.run(look())


def test_a_press_calls_at_once_and_a_long_one_takes_it_back() -> None:
    port = Board()
    button = Help(port, {"name": "help"})
    assert told_by(button, port, LOOKS) == []
    port.level = 0
    ((kind, called),) = told_by(button, port, help_button.CANCEL_MS // LOOK_MS + 50)
    assert (kind, called["event"]) == ("help", help_button.CALLED), "however long the first press is"
    wire.check_values(kind, called)
    port.level = 1
    assert told_by(button, port, 10) == []
    port.level = 0
    ((_, cancelled),) = told_by(button, port, help_button.CANCEL_MS // LOOK_MS + LOOKS)
    assert cancelled == {"event": help_button.CANCELLED, "call": called["call"], "held_ms": 10_000}
    port.level = 1
    assert told_by(button, port, 10) == []


def test_a_button_that_never_comes_up_is_a_fault_and_no_second_call() -> None:
    port = Board()
    button = Help(port, {"name": "help"})
    told_by(button, port, LOOKS)
    port.level = 0
    told = told_by(button, port, 3 * help_button.STUCK_MS // LOOK_MS)
    assert [kind for kind, _ in told] == ["help", "fault"]
    assert told[1][1] == {"part": "help", "code": "stuck", "state": 0}
    port.level = 1
    assert told_by(button, port, LOOKS) == [("fault", {"part": "help", "code": "stuck", "state": 1})]


def words_of(levels: list[tuple[int, int]]) -> list[tuple[int, str]]:
    """(look, word) of a button that is seen at each level for so many looks."""
    presses, looks, found = Presses(), 0, []
    for level, times in levels:
        for _ in range(times):
            looks += 1
            word = presses.step(level, looks * LOOK_MS)
            found += [(looks, word)] if word else []
    return found


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3500)), max_size=6))
def test_however_a_button_bounces_no_call_is_lost_and_none_made_up(levels: list[tuple[int, int]]) -> None:
    whole = [(1, LOOKS), *levels]
    found = words_of(whole)
    seen = "".join(str(level) * times for level, times in whole)
    first = seen.find("0" * LOOKS)
    assert found[:1] == ([] if first < 0 else [(first + LOOKS, "called")])
    for (at, word), (later, after) in itertools.pairwise(found):
        if word == after == "called":
            assert (later - at) * LOOK_MS >= help_button.AGAIN_MS
        if after == "cancelled":
            assert (later - at) * LOOK_MS >= help_button.CANCEL_MS


def test_one_that_was_down_at_the_start_calls_when_it_is_let_go() -> None:
    assert words_of([(0, 100)]) == []
    assert words_of([(0, 100), (1, LOOKS)]) == [(100 + LOOKS, "called")]
    assert [word for _, word in words_of([(0, 9000), (1, 10)])] == ["stuck", "free"]


def test_a_press_long_after_the_call_is_a_call_however_long_it_is_held() -> None:
    found = words_of([(1, 9), (0, 9), (1, 40_000), (0, 900), (1, 9)])
    assert [word for _, word in found] == ["called", "called"]
    soon = words_of([(1, 9), (0, 9), (1, 9), (0, 9), (1, 9), (0, 9), (1, 4000), (0, 9), (1, 9)])
    assert [word for _, word in soon] == ["called", "called"], "hammering is one call, a minute later another"


class Nau7802Chip:
    """As in its data sheet: measures once its supply and its cycles are on, sets its zero when told."""

    def __init__(self) -> None:
        self.registers = {nau7802.PU_CTRL: 0, nau7802.CTRL2: 0}
        self.written: list[bytes] = []
        self.looks = 0

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        assert address == nau7802.ADDRESS
        self.written.append(bytes((register,)) + data)
        self.registers[register] = data[0]
        self.looks = 0

    def readfrom_mem(self, address: int, register: int, size: int) -> bytes:
        assert address == nau7802.ADDRESS
        self.looks += 1
        if register == nau7802.VALUE:
            return b"\x00\x27\x10"[:size]
        value = self.registers[register]
        if register == nau7802.PU_CTRL:
            value |= nau7802.IS_UP * (value & 6 == 6) | nau7802.IS_READY * (value & 0x96 == 0x96)
        elif self.looks > 3:
            value &= ~nau7802.CALS
        return bytes((value,))


SCALE = {"type": "nau7802", "name": "scale", "bus": "scale-a", "zero": 0, "mg_per_kcount": 1000}


def test_a_nau7802_is_begun_and_read() -> None:
    chip = Nau7802Chip()
    driver = driver_of(Board(chip), SCALE)
    assert asyncio.run(driver.read()) == [("mass", {"mass_mg": 10000})]
    assert chip.written == [b"\x00\x01", b"\x00\x06", b"\x01\x2f", b"\x15\x30", b"\x00\x96", b"\x02\x04"]


def test_a_nau7802_whose_supply_was_gone_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nau7802, "LOOK_S", 0)
    chip = Nau7802Chip()
    driver = driver_of(Board(chip), SCALE)
    asyncio.run(driver.read())
    chip.registers[nau7802.PU_CTRL] = 0
    with pytest.raises(DriverFault, match="no_reply"):
        asyncio.run(driver.read())
    assert asyncio.run(driver.read()) == [("mass", {"mass_mg": 10000})]


class TwoScales(Board):
    """Two HX711 on one clock, of which the second takes a while: pulses before it has measured spoil it."""

    values: ClassVar[dict[str, int]] = {"SCALE_DATA_A": 108388, "SCALE_DATA_B": 0xFFFFFF}

    def __init__(self) -> None:
        super().__init__()
        self.waits = {"SCALE_DATA_A": 0, "SCALE_DATA_B": 3}
        self.clocked = 0
        self._signals: dict[int, str] = {}

    def _pin(self, signal: str) -> Any:
        port = self

        class Pin:
            def value(self) -> int:
                port.waits[signal] -= 1
                return int(port.waits[signal] >= 0)

        pin = Pin()
        self._signals[id(pin)] = signal
        return pin

    def clock_in(self, data: list[Any], _: Any, pulses: int) -> list[int]:
        assert pulses == 25
        assert max(self.waits.values()) < 0, "one still measures"
        self.clocked += 1
        return [self.values[self._signals[id(pin)]] << 1 | 1 for pin in data]


def test_scales_on_one_clock_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hx711, "LOOK_S", 0)
    port = TwoScales()
    common = {"type": "hx711", "clock": "SCALE_CLOCK", "mg_per_kcount": 2450}
    first = driver_of(port, {**common, "name": "a", "data": "SCALE_DATA_A", "zero": 8388})
    second = driver_of(port, {**common, "name": "b", "data": "SCALE_DATA_B", "zero": 0})
    for clocked in (1, 2):
        assert asyncio.run(first.read()) == [("mass", {"mass_mg": 245_000})]
        assert asyncio.run(second.read()) == [("mass", {"mass_mg": -3})]
        assert port.clocked == clocked
    port.ms = 60_000
    assert asyncio.run(second.read()) == [("mass", {"mass_mg": -3})]
    port.ms = 120_000
    assert asyncio.run(first.read()) == [("mass", {"mass_mg": 245_000})]
    assert port.clocked == 4, "what was said a minute ago is not what lies there now"
    port.waits["SCALE_DATA_B"] = 10**6  # dead: the other goes on
    port.clock_in = lambda data, *_: [TwoScales.values["SCALE_DATA_A"] << 1 for _ in data]  # type: ignore[method-assign]
    assert asyncio.run(first.read()) == [("mass", {"mass_mg": 245_000})]
    with pytest.raises(DriverFault, match="no_reply"):
        asyncio.run(second.read())


def test_scales_that_are_asked_at_once_are_told_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hx711, "LOOK_S", 0)
    port = TwoScales()
    common = {"type": "hx711", "clock": "SCALE_CLOCK", "mg_per_kcount": 2450, "zero": 0}
    drivers = [driver_of(port, {**common, "name": name, "data": "SCALE_DATA_" + name}) for name in "AB"]

    async def both() -> None:
        await asyncio.gather(*[driver.read() for driver in drivers])

    for clocked in (1, 2):
        port.waits["SCALE_DATA_B"] = 3
        asyncio.run(both())
        assert port.clocked == clocked


class ProbeWire:
    """A 1-Wire bus as MicroPython's onewire.OneWire, with a DS18B20 and a stranger on it."""

    def __init__(self, scratch: bytes) -> None:
        self.scratch = scratch
        self.sent: list[Any] = []

    def scan(self) -> list[bytearray]:
        return [bytearray(b"\x01" + bytes(7)), bytearray(b"\x28" + bytes(7))]

    def reset(self, required: bool = False) -> bool:
        if required and not self.scratch:
            raise Exception  # noqa: TRY002 - OneWireError is one
        self.sent.append("reset")
        return True

    def select_rom(self, rom: bytes) -> None:
        self.sent.append(rom)

    def writebyte(self, value: int) -> None:
        self.sent.append(value)

    def readinto(self, into: bytearray) -> None:
        into[:] = self.scratch


@pytest.mark.parametrize(
    ("scratch", "said"),
    [("72014b467fff0e1057", 2313), ("72014b467fff0e1058", "crc"), ("ff" * 9, "no_reply"), ("", "no_reply")],
)
def test_a_ds18b20_on_its_wire(scratch: str, said: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ds18b20, "CONVERT_MS", 0)
    wire_, port = ProbeWire(bytes.fromhex(scratch)), Board()
    port.onewire = lambda _: wire_  # type: ignore[attr-defined]
    driver = driver_of(port, {"type": "ds18b20", "name": "probe"})
    if isinstance(said, int):
        assert asyncio.run(driver.read()) == [("climate", {"temperature_cc": said})]
        assert wire_.sent == ["reset", 0xCC, 0x44, "reset", b"\x28" + bytes(7), 0xBE]
        return
    with pytest.raises(DriverFault) as fault:
        asyncio.run(driver.read())
    assert fault.value.code == said


def test_every_driver_is_in_the_table_and_says_how_to_configure_it() -> None:
    here = Path(ds18b20.__file__).parent
    files = {path.stem for path in here.glob("*.py")} - {"__init__"}
    assert files == {file for file, _ in DRIVERS.values()}
    for name, (file, _) in DRIVERS.items():
        assert f'"type": "{name}"' in (here / f"{file}.py").read_text()
