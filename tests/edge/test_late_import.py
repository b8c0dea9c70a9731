"""A module that is only asked for when it is used."""

import subprocess
import sys

import pytest

from edge.late_import import postpone

AGENT = """
import edge.mqtt, sys, urllib.request
heavy = {"email.message", "http.client"} & set(sys.modules)
assert not heavy, heavy
urllib.request.getproxies()
assert "http.client" in sys.modules
"""


def test_the_agent_does_not_load_what_paho_has_for_proxies_until_somebody_asks() -> None:
    subprocess.run([sys.executable, "-c", AGENT], check=True)


def test_what_is_not_there_is_told_at_once() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"urllib\.nothing"):
        postpone("urllib", "nothing")
