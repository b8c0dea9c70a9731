"""The real kernel is asked; a clock chip is a file."""

import pytest

from edge import system_clock

NOW_MS = 1_795_251_600_000


def test_the_kernel_answers():
    assert system_clock.is_synchronised() in {True, False}


@pytest.mark.parametrize(
    ("chip", "worth"),
    [
        (str(NOW_MS // 1000), "rtc"),
        (str(NOW_MS // 1000 + 4), "rtc"),
        (str(NOW_MS // 1000 - 8 * 3600), None),  # the system came up with the time of its last shutdown
        ("0", None),
        ("", None),
        ("soon", None),
        (None, None),
    ],
)
def test_without_ntp_a_clock_chip_must_agree(monkeypatch, tmp_path, chip, worth):
    monkeypatch.setattr(system_clock, "is_synchronised", lambda: False)
    path = tmp_path / "since_epoch"
    if chip is not None:
        path.write_text(chip)
    assert system_clock.worth(NOW_MS, path) == worth


def test_a_synchronised_kernel_needs_no_chip(monkeypatch, tmp_path):
    monkeypatch.setattr(system_clock, "is_synchronised", lambda: True)
    assert system_clock.worth(NOW_MS, tmp_path / "none") == "ntp"
