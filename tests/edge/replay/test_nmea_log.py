"""Recorded NMEA logs: every byte goes out again, at its own pace."""

from datetime import UTC, datetime
from pathlib import Path

import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.replay.nmea_log import epochs_of, fields_of, moved, read_nmea, time_of_day_ms
from edge.replay.recording import MAX_FILE_BYTES, RecordingError, content
from edge.simulate.sentences import SINCE, Solution, framed, sentences

NOON_MS = 1_795_262_400_000
HERE = Path("some.log")


def log_of(*moments_ms):
    return b"".join(
        b"".join(sentences(Solution(ms, 44.0, 116.0, 1000.0, 10.0, 90.0, 9, 1.0, 3), "GN"))
        for ms in moments_ms
    )


def test_each_moment_is_an_epoch_and_paced_by_the_log():
    recording = read_nmea(log_of(NOON_MS, NOON_MS + 1000, NOON_MS + 4500), HERE)
    assert [epoch.at_ms for epoch in recording.epochs] == [0, 1000, 4500]
    assert recording.begins_ms == NOON_MS
    assert recording.length_ms == 4500


def test_damaged_lines_go_out_and_comments_do_not():
    log = b"# Name: a receiver\n$GPGGA,12torn\x00\xff\n" + log_of(NOON_MS) + b"$GPRMC,*00\r\nnoise"
    recording = read_nmea(log, HERE)
    assert b"".join(epoch.payload for epoch in recording.epochs) == log.split(b"\n", 1)[1]


def test_midnight_goes_on_and_a_clock_that_was_set_does_not_stop_the_replay():
    midnight_ms = 1_795_305_600_000
    recording = read_nmea(
        log_of(midnight_ms - 1000, midnight_ms, midnight_ms + 40_000_000, midnight_ms), HERE
    )
    assert [epoch.at_ms for epoch in recording.epochs] == [0, 1000, 2000, 3000]


def test_the_date_of_a_cold_receiver_does_not_count():
    cold = framed("GPRMC,235946.005,V,8960.000000,N,00000.000000,E,0.000,0.00,050180,,,N")
    assert read_nmea(cold, HERE).begins_ms is None
    recording = read_nmea(cold + log_of(NOON_MS), HERE)
    assert recording.begins_ms == NOON_MS - 1000


def test_without_a_sentence_there_is_nothing_to_replay():
    with pytest.raises(RecordingError, match=r"some\.log: none of its 2 lines"):
        read_nmea(b"hello\n$GPGGA,1,2*00\n", HERE)


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"absent\.log: cannot be read"):
        content(tmp_path / "absent.log")
    huge = tmp_path / "huge.log"
    with huge.open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(RecordingError, match="larger than 64 MiB"):
        content(huge)


@given(
    st.integers(1_000_000_000_000, 2_000_000_000_000),
    st.integers(-(10**9), 10**9),
)
def test_moved_sentences_are_later_by_just_that(utc_ms, shift_ms):
    for line in moved(log_of(utc_ms), shift_ms).splitlines():
        parsed = pynmea2.parse(line.decode(), check=True)
        if parsed.sentence_type == "RMC":
            said = parsed.datetime.replace(tzinfo=UTC) - SINCE
            assert round(said.total_seconds() * 1000) == utc_ms + shift_ms
            assert (round(parsed.latitude, 6), round(parsed.longitude, 6)) == (44.0, 116.0)


def test_what_is_not_a_sentence_is_not_moved():
    rubbish = b"noise\n$GPGGA,12torn*00\r\n\xff\xfe$PMTK010,001*2E\r\n"
    assert moved(rubbish, 5000) == rubbish


@given(st.binary(max_size=400))
def test_any_bytes_are_cut_without_loss(data):
    lines = data.splitlines(keepends=True)
    epochs = list(epochs_of(lines))
    assert b"".join(epoch.payload for epoch in epochs) == data
    assert moved(data, 1) is not None


def test_recorded_logs_are_read(shared_data):
    starts = {}
    for path in sorted((shared_data / "nmea").glob("*.log")):
        try:
            recording = read_nmea(content(path), path)
        except RecordingError:
            continue
        begins = recording.begins_ms
        starts[path.stem] = begins and datetime.fromtimestamp(begins / 1000, UTC).year
    assert starts["quectel-L70"] == 2022
    assert starts["beidou-bd"] == 2015
    assert starts["mtk-3301"] in (None, 2008)


def test_times_of_day():
    assert time_of_day_ms(["GPGGA", "081836.25"]) == 29_916_250
    assert time_of_day_ms(["GPGGA", "251836"]) is None
    assert time_of_day_ms(["GPGSV", "081836"]) is None
    assert fields_of(framed("GPGGA,1")) == ["GPGGA", "1"]
    assert fields_of(b"$GPGGA,1*00") is None
