"""The gate against the captures, against another parser, and against anything with a right checksum."""

import itertools

import pynmeagps
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sources.gnss import Decoder
from edge.sources.nmea_gate import SENTENCES, part_of
from edge.sources.nmea_lines import checksum
from firmware import wire
from tests.edge.sources.captures import captures, in_words

LAT = "4356.0123"
LON = "11605.4567"

anything = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="$*,"), max_size=12
)
number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.integers(-(10**9), 10**9).map(str),
    st.just(""),
)
likely = st.sampled_from(
    [
        "A",
        "V",
        "N",
        "S",
        "E",
        "W",
        "M",
        "",
        "0",
        "1",
        "6",
        "8",
        LAT,
        LON,
        "033010.000",
        "211126",
        "AAN",
        "nan",
    ]
)
field = st.one_of(likely, number, anything)


@pytest.mark.parametrize("capture", captures(), ids=lambda capture: capture["name"])
def test_capture(capture):
    decoder = Decoder("gnss")
    readings = [
        reading
        for at_ms, line in enumerate(capture["sent"].splitlines(keepends=True))
        for reading in decoder.feed(line, at_ms * 100)
    ]
    readings += decoder.flush()
    fixes = [in_words(reading) for reading in readings if reading.values["lat_e7"] is not None]
    expected = capture.get("fix", [])
    assert len(fixes) == len(expected)
    for got, wanted in zip(fixes, expected, strict=True):
        degrees = {"lat_deg": got["lat_e7"] / 1e7, "lon_deg": got["lon_e7"] / 1e7}
        for name, value in wanted.items():
            if name in degrees:
                assert degrees[name] == pytest.approx(value, abs=1e-7)
            else:
                assert got[name] == value, name
    lost = [reading for reading in readings if reading.values["lat_e7"] is None]
    assert len(lost) == capture.get("none", 0)
    assert all(reading.values["lon_e7"] is None and reading.values["fix_mode"] == 0 for reading in lost)
    assert decoder.refused == capture.get("refused", {})


def test_the_captures_have_a_case_for_every_cause():
    causes = {cause for capture in captures() for cause in capture.get("refused", {})}
    assert causes >= {"checksum", "no_checksum", "torn", "too_long", "not_ascii"}
    assert causes >= {"coordinates", "range", "time"}


@settings(max_examples=600)
@given(
    st.sampled_from(["GP", "GN", "GB", "BD", "PQ", "xx", "1_"]),
    st.sampled_from(SENTENCES),
    st.lists(field, max_size=20),
)
def test_any_fields_are_contained(talker, tag, fields):
    part = part_of(",".join([talker + tag, *fields]))
    if part is None:
        return
    assert (part.lat_e7 is None) == (part.lon_e7 is None)
    assert not (part.lat_e7 is not None and (part.is_void or part.refused))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(SENTENCES), st.lists(field, min_size=4, max_size=15)), max_size=8))
def test_whatever_comes_out_fits_the_wire(sentences):
    decoder = Decoder("gnss")
    readings = []
    for at_ms, (tag, fields) in enumerate(sentences):
        body = ",".join(["GN" + tag, *fields])
        readings += decoder.feed(f"${body}*{checksum(body.encode()):02X}\r\n".encode(), at_ms)
    for reading in readings + decoder.flush():
        wire.check_values("fix", reading.values)
        has_position = reading.values["lat_e7"] is not None
        assert has_position == (reading.values["fix_mode"] != 0)
        assert (reading.values["lat_e7"], reading.values["lon_e7"]) != (0, 0)


@given(st.binary(max_size=300))
def test_any_bytes_are_contained(data):
    decoder = Decoder("gnss")
    decoder.feed(data, 0)
    decoder.flush()


@given(
    st.integers(0, 89),
    st.integers(0, 179),
    st.integers(0, 599_999_99),
    st.integers(0, 599_999_99),
    st.sampled_from("NS"),
    st.sampled_from("EW"),
)
def test_a_second_parser_sees_the_same_place(lat, lon, lat_minutes, lon_minutes, ns, ew):
    body = (
        f"GNRMC,033010.000,A,{lat:02}{lat_minutes / 1e6:09.6f},{ns},{lon:03}{lon_minutes / 1e6:09.6f},{ew},"
        "1.0,2.0,211126,,,A"
    )
    part = part_of(body)
    other = pynmeagps.NMEAReader.parse(f"${body}*{checksum(body.encode()):02X}\r\n")
    if part.refused:
        assert (round(other.lat, 7), round(other.lon, 7)) == (0, 0)
    else:
        assert part.lat_e7 / 1e7 == pytest.approx(other.lat, abs=2e-7)
        assert part.lon_e7 / 1e7 == pytest.approx(other.lon, abs=2e-7)


def test_minutes_and_letters_are_both_needed():
    for lat, ns, lon, ew in itertools.product((LAT, ""), ("N", ""), (LON, ""), ("E", "")):
        part = part_of(f"GNRMC,033010,A,{lat},{ns},{lon},{ew},,,211126,,,A")
        assert (part.lat_e7 is not None) == all((lat, ns, lon, ew))
