"""What the simulated receiver says parses, agrees with the vehicle's place, and is silent where it must."""

import itertools
from dataclasses import replace
from datetime import UTC, timedelta

import pynmea2
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulate.drive import Scene
from edge.simulate.places import distance_m
from edge.simulate.receiver import TALKERS, Antenna, Receiver
from edge.simulate.sentences import SINCE, Solution, sentences

NOON_MS = 1_795_262_400_000
SCENE = Scene(44.1, 116.2, 1010.0, 17.0, 88.0, True, True, True, True, 0.0)
WARM = Antenna(on_s=100)


def parsed(payload):
    return [pynmea2.parse(line.decode(), check=True) for line in payload.splitlines()]


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0, 40),
    st.floats(0, 359.99),
    st.integers(1_577_836_800_000, 3_000_000_000_000),
)
@settings(max_examples=200)
def test_sentences_give_back_what_went_in(lat_deg, lon_deg, speed_m_s, course_deg, utc_ms):
    found = Solution(utc_ms, lat_deg, lon_deg, 640.0, speed_m_s, course_deg, 11, 0.9, 3)
    rmc, vtg, gga, gsa = parsed(b"".join(sentences(found, "GN")))
    for sentence in (rmc, gga):
        assert abs(sentence.latitude - lat_deg) < 1e-6
        assert abs(sentence.longitude - lon_deg) < 1e-6
    assert abs(rmc.spd_over_grnd * 1852 / 3600 - speed_m_s) < 0.001
    said = rmc.datetime.replace(tzinfo=UTC) - SINCE
    assert said == timedelta(milliseconds=utc_ms)
    assert abs(vtg.spd_over_grnd_kmph / 3.6 - speed_m_s) < 0.001
    assert (gga.gps_qual, gga.num_sats, gga.altitude) == (1, "11", 640.0)
    assert gsa.mode_fix_type == "3"


def test_no_sentence_is_longer_than_a_gate_passes():
    found = Solution(NOON_MS, -89.999999, -179.999999, 9999.9, 99.0, 359.99, 12, 9.99, 3)
    assert max(map(len, sentences(found, "GN", decimals=7, is_nmea41=True))) <= 120


@given(st.sampled_from(TALKERS), st.integers(0, 10**6), st.booleans())
@settings(max_examples=60)
def test_a_fix_is_within_metres_of_the_vehicle(talker, second, is_nmea41):
    receiver = Receiver("noise", talker, is_nmea41=is_nmea41)
    rmc = parsed(receiver.epoch(WARM, SCENE, NOON_MS + 1000 * second))[0]
    assert rmc.talker == talker
    assert rmc.status == "A"
    assert distance_m(SCENE.lat_deg, SCENE.lon_deg, rmc.latitude, rmc.longitude) < 5


def test_noise_wanders_slowly():
    receiver = Receiver("noise")
    spots = [receiver.solution(WARM, SCENE, NOON_MS + 1000 * second) for second in range(600)]
    steps = [distance_m(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg) for a, b in itertools.pairwise(spots)]
    assert max(steps) < 0.3
    assert distance_m(spots[0].lat_deg, spots[0].lon_deg, spots[-1].lat_deg, spots[-1].lon_deg) > 0.2


def test_a_cold_start_has_first_nothing_then_the_time_then_a_fix():
    receiver, antenna, said = Receiver("cold"), Antenna(), []
    for second in range(60):
        rmc, _, gga, gsa = parsed(receiver.epoch(antenna, SCENE, NOON_MS + 1000 * second))
        said.append((rmc.datestamp is not None, rmc.status == "A"))
        assert (rmc.status == "A") == (gga.gps_qual == 1) == (gsa.mode_fix_type == "3")
        assert (rmc.status == "A") == (rmc.lat != "")
        antenna = receiver.after(antenna, SCENE, 1)
    assert said[0] == (False, False)
    assert (True, False) in said
    assert said[-1] == (True, True)
    assert said == sorted(said)


def test_a_tunnel_takes_the_fix_and_the_sky_gives_it_back_after_seconds():
    receiver, antenna = Receiver("tunnel"), Antenna(on_s=100)
    dark = replace(SCENE, is_open=False)
    has_fix = []
    for second in range(60):
        scene = dark if 20 <= second < 40 else SCENE
        antenna = receiver.after(antenna, scene, 1)
        has_fix.append(receiver.solution(antenna, scene, NOON_MS + 1000 * second).mode == 3)
    assert all(has_fix[:20])
    assert not any(has_fix[20:41])
    assert all(has_fix[48:])


def test_a_parked_receiver_gives_no_course():
    parked = replace(SCENE, speed_m_s=0.0)
    rmc = parsed(Receiver("parked").epoch(WARM, parked, NOON_MS))[0]
    assert rmc.true_course is None
    assert rmc.spd_over_grnd < 0.3
