"""The pty is a serial port to pyserial: raw, with a stable name, never waiting for the agent."""

import os
import termios
import threading

import pytest
import serial

from edge.simulate import pty_line
from edge.simulate.pty_line import PtyLine


def test_bytes_arrive_unchanged(tmp_path):
    line = PtyLine(tmp_path / "gnss")
    try:
        with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=60) as port:
            payload = bytes(range(256)) * 2
            assert line.send(payload) == len(payload)
            assert port.read(len(payload)) == payload
    finally:
        line.close()
    assert not (tmp_path / "gnss").is_symlink()


def test_the_agent_may_close_and_open_the_port_again(tmp_path):
    line = PtyLine(tmp_path / "gnss")
    try:
        for number in range(3):
            with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=60) as port:
                line.send(b"%d" % number)
                assert port.read(1) == b"%d" % number
    finally:
        line.close()


def test_a_receiver_does_not_wait_for_a_reader_and_a_replay_does(tmp_path):
    line = PtyLine(tmp_path / "gnss")
    payload = b"x" * 200_000
    try:
        assert line.send(payload) < len(payload)
        with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=0.5) as port:
            while port.read(4096):
                pass
            sender = threading.Thread(target=line.send_all, args=(payload, threading.Event()))
            sender.start()
            port.timeout = 60
            assert port.read(len(payload)) == payload
            sender.join(60)
    finally:
        line.close()


@pytest.mark.parametrize("is_reader_first", [False, True])
def test_a_replay_waits_until_its_reader_has_emptied_the_port(tmp_path, monkeypatch, is_reader_first):
    """However long after the opening that is: what was sent before would be thrown away."""
    monkeypatch.setattr(pty_line, "MOST_LOOKS", 10**6)
    line, stop = PtyLine(tmp_path / "gnss"), threading.Event()
    sender = threading.Thread(target=line.send_all, args=(b"whole", stop))
    if not is_reader_first:
        sender.start()
    port = os.open(tmp_path / "gnss", os.O_RDWR | os.O_NOCTTY)
    if is_reader_first:
        sender.start()
    try:
        stop.wait(0.2)
        termios.tcflush(port, termios.TCIFLUSH)
        assert os.read(port, 100) == b"whole"
    finally:
        stop.set()
        sender.join()
        os.close(port)
        line.close()


def test_a_second_line_takes_over_the_name(tmp_path):
    first, second = PtyLine(tmp_path / "gnss"), PtyLine(tmp_path / "gnss")
    try:
        with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=60) as port:
            second.send(b"2")
            assert port.read(1) == b"2"
    finally:
        second.close()
        first.close()
