"""Replay: what a receiver sent once, or a GPX track, goes through a pty into the real agent."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """The options of `edge replay`."""
    from edge.replay import command  # noqa: PLC0415 (readers of recordings need no agent)

    command.add_arguments(parser)


def run(given: "argparse.Namespace") -> int:
    """Replay until the end, SIGINT or SIGTERM; the exit code."""
    from edge.replay import command  # noqa: PLC0415

    return command.run(given)
