"""Ports on loopback for the demo: the usual one, or the next free one."""

import socket

HOST = "127.0.0.1"
TRIES = 50


class PortInUse(RuntimeError):
    """Something else listens there; waiting helps only if it ends."""


def is_free(port: int) -> bool:
    """Whether this process could listen there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True


def is_open(host: str, port: int) -> bool:
    """Whether something accepts there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def next_free(usual: int) -> int:
    """The usual port, or the first free one above it."""
    for port in range(usual, usual + TRIES):
        if is_free(port):
            return port
    raise PortInUse(f"ports {usual} to {usual + TRIES - 1} are all in use")
