"""Sentences of one moment become one fix, whatever their order and their gaps."""

import itertools

import pytest

from edge.sources import fix
from edge.sources.epochs import Epochs
from edge.sources.nmea_gate import part_of

PLACE = "4356.0123,N,11605.4567,E"


def rmc(time, status="A", date="211126"):
    return f"GNRMC,{time},{status},{PLACE},12.5,87.3,{date},,,A"


def gga(time, quality="1"):
    return f"GNGGA,{time},{PLACE},{quality},11,0.85,995.3,M,,M,,"


def vtg():
    return "GNVTG,88.0,T,,M,12.0,N,22.2,K,A"


def gsa(mode="3"):
    return f"GNGSA,A,{mode},01,03,06,,,,,,,,,,1.5,0.9,1.2"


def taken(epochs, *sentences, mono_ms=0):
    return [given for sentence in sentences for given in epochs.take(part_of(sentence), mono_ms)]


@pytest.mark.parametrize("order", list(itertools.permutations([rmc("033010"), gga("033010"), vtg()])))
def test_any_order_is_one_fix(order):
    if order[0] == vtg():
        order = (*order[1:], order[0])  # without a time it belongs to what is open
    epochs = Epochs("gnss")
    assert taken(epochs, *order) == []
    (only,) = epochs.flush()
    assert only.utc_ms == 1_795_231_810_000
    assert only.values["altitude_msl_dm"] == 9953
    assert only.values["speed_cm_s"] == 643
    assert only.values["fix_mode"] == fix.MODE_3D
    assert epochs.flush() == []


def test_times_are_compared_by_value():
    epochs = Epochs("gnss")
    assert taken(epochs, rmc("033010"), gga("033010.00")) == []
    assert len(epochs.flush()) == 1


def test_the_second_epoch_is_given_with_its_last_sentence():
    epochs = Epochs("gnss")
    taken(epochs, rmc("033010"), gga("033010"), vtg())
    assert len(taken(epochs, rmc("033011"))) == 1
    assert taken(epochs, gga("033011")) == []
    assert len(taken(epochs, vtg())) == 1
    assert not epochs.is_open


def test_a_late_sentence_is_waited_for_from_then_on():
    epochs = Epochs("gnss")
    taken(epochs, rmc("033010"))
    assert len(taken(epochs, rmc("033011"))) == 2  # the one before, and this: it holds what that one held
    assert taken(epochs, gga("033011")) == []
    assert taken(epochs, rmc("033012")) == []
    (given,) = taken(epochs, gga("033012"))
    assert given.values["altitude_msl_dm"] == 9953


def test_an_epoch_is_stamped_with_its_first_sentence():
    epochs = Epochs("gnss")
    epochs.take(part_of(rmc("033010")), 1000)
    epochs.take(part_of(gga("033010")), 1080)
    assert epochs.flush()[0].mono_ms == 1000


def test_the_loss_is_told_once():
    epochs = Epochs("gnss")
    taken(epochs, rmc("033010"))
    given = taken(epochs, *(rmc(f"0330{second}", "V") for second in range(11, 20)))
    assert [reading.values["fix_mode"] for reading in given] == [fix.MODE_2D, fix.MODE_NONE]
    assert given[1].values["lat_e7"] is None
    assert given[1].utc_ms is None


def test_a_receiver_that_vanishes_has_lost_its_fix():
    epochs = Epochs("gnss")
    taken(epochs, rmc("033010"))
    assert [reading.values["fix_mode"] for reading in epochs.lose(500)] == [fix.MODE_2D, fix.MODE_NONE]
    assert epochs.lose(600) == []


def alone(epochs, sentence, mono_ms):
    (given,) = epochs.take(part_of(sentence), mono_ms) or epochs.flush()
    return given


def test_a_mode_is_held_for_ten_seconds():
    epochs = Epochs("gnss")
    epochs.take(part_of(gsa("2")), 0)
    assert alone(epochs, gga("033010"), 10_000).values["fix_mode"] == fix.MODE_2D
    assert alone(epochs, gga("033011"), 10_001).values["fix_mode"] == fix.MODE_3D


def test_a_date_is_not_carried_over_a_gap_in_the_receivers_time():
    epochs = Epochs("gnss")
    assert alone(epochs, rmc("033010"), 0).utc_ms == 1_795_231_810_000
    assert alone(epochs, gga("120000"), 1000).utc_ms is None
    assert alone(epochs, gga("033015"), 5000).utc_ms == 1_795_231_815_000


def test_dead_reckoning_in_any_sentence_marks_the_fix():
    epochs = Epochs("gnss")
    taken(epochs, rmc("033010"), gga("033010", "6"))
    assert epochs.flush()[0].values["quality"] == fix.DEAD_RECKONING
