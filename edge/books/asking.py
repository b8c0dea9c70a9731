"""Ask a running agent through its door; see `edge.books.door` for what may be asked."""

from __future__ import annotations

import json
import secrets
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S = 5.0
MAX_ANSWER_BYTES = 1 << 20


class AgentGone(Exception):
    """The agent does not answer; waiting helps, and asking again with the same id does nothing twice."""


def ask(path: Path, wanted: dict[str, Any], wait_s: float = WAIT_S) -> dict[str, Any]:
    """The answer to one ask, which is given an id unless it has one; raises AgentGone."""
    message = {"id": secrets.token_hex(8), **wanted}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(wait_s)
            line.connect(str(path))
            line.sendall(json.dumps(message).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer = json.loads(answers.readline(MAX_ANSWER_BYTES))
    except (OSError, ValueError) as error:
        raise AgentGone(f"{path}: no answer from the agent: {error}") from None
    if not isinstance(answer, dict):
        raise AgentGone(f"{path}: no answer that makes sense")
    return answer
