"""Which of two folders of firmware runs: one that has proved itself, or one that is on trial.

    /main.py, /slots.mpy    never changed by an update        /a, /b    a whole firmware each
    /slots.json             {"good": "a", "trial": "b", "tries": 1, "starts": 2}

An update is laid into the folder that does not run and staged. It then gets TRIES starts; the node confirms
it once it has reached its service or its Pi, else the other one runs again. A node that was started
SAFE_AFTER times without reaching anybody starts in safe mode: without drivers, so that it can be reached.
This file imports no neighbour: on a board it lies outside of both folders.
"""

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    State = dict[str, Any]

TRIES = 3
SAFE_AFTER = 10
FILE = "/slots.json"
FIRST: "State" = {"good": "a", "trial": "", "tries": 0, "starts": 0}


def chosen(state: "State") -> "tuple[str, bool, State]":
    """(folder to run, whether in safe mode, what to remember) for a start."""
    after = dict(state)
    after["starts"] = state["starts"] + 1
    if state["trial"] and state["tries"] < TRIES:
        after["tries"] = state["tries"] + 1
        return str(state["trial"]), False, after
    after["trial"], after["tries"] = "", 0
    return str(state["good"]), after["starts"] > SAFE_AFTER, after


def staged(state: "State", slot: str) -> "State":
    """After an update was laid into a folder; ValueError for the one that runs."""
    if slot not in ("a", "b") or slot == state["good"]:
        raise ValueError("the firmware that has proved itself lies in " + str(state["good"]))
    return {"good": state["good"], "trial": slot, "tries": 0, "starts": 0}


def confirmed(state: "State") -> "State":
    """What runs has reached somebody."""
    return {"good": state["trial"] or state["good"], "trial": "", "tries": 0, "starts": 0}


def load(path: str = FILE) -> "State":
    """What is remembered; of a file that cannot be read, the beginning."""
    try:
        with open(path) as file:
            found = json.loads(file.read())
        return {name: found[name] for name in FIRST}
    except (OSError, ValueError, KeyError, TypeError):
        return dict(FIRST)


def save(state: "State", path: str = FILE) -> None:
    """In a new file that takes the old one's name: littlefs does that at once or not at all."""
    with open(path + ".new", "w") as file:
        file.write(json.dumps(state))
    os.rename(path + ".new", path)


def begin() -> "tuple[str, bool]":
    """At a start: (folder to run, whether in safe mode)."""
    slot, is_safe, after = chosen(load())
    save(after)
    return slot, is_safe


def stage(slot: str) -> None:
    """Have the firmware of that folder tried from the next start on."""
    save(staged(load(), slot))


def confirm() -> None:
    """What runs now counts."""
    state = load()
    if confirmed(state) != state:
        save(confirmed(state))
