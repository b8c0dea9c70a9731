"""A recording: what a receiver once sent, cut into epochs with their own times."""

from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 64 * 1024 * 1024


class RecordingError(ValueError):
    """The file cannot be replayed; waiting will not help. The text names file, line and cause."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The bytes of one moment, `at_ms` after the first."""

    at_ms: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """All epochs; `begins_ms` is the first one's UTC, if known; `skipped` points shared another's moment."""

    epochs: tuple[Epoch, ...]
    begins_ms: int | None
    skipped: int = 0

    @property
    def length_ms(self) -> int:
        return self.epochs[-1].at_ms


def content(path: Path) -> bytes:
    """The file's bytes; raises RecordingError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise RecordingError(f"{path}: larger than {MAX_FILE_BYTES // 1024**2} MiB; cut it into pieces")
    return data
