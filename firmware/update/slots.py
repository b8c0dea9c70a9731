"""Which of two folders of firmware runs: one that has proved itself, or one that is on trial.

    /main.py, /slots.mpy    never changed by an update        /a, /b    a whole firmware each
    /slots.json             {"good": "a", "trial": "b", "tries": 1, "starts": 2,
                             "number": 12, "trying": 12, "undone": ""}

An update is laid into the folder that does not run and staged. It then gets TRIES starts; the node confirms
it once it has reached its service or its Pi, else the other one runs again, and `undone` says what was taken
back. `number` is the highest of all releases that were ever staged: none of them is staged again. A node that
was started SAFE_AFTER times without reaching anybody starts in safe mode: without drivers, so that it can be
reached. A wake from deep sleep is no start; a wake that reached nobody counts as one (`missed`).

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
FIRST: "State" = {
    "good": "a",
    "trial": "",
    "tries": 0,
    "starts": 0,
    "number": 0,
    "trying": 0,
    "undone": "",
}


def chosen(state: "State", is_wake: bool = False) -> "tuple[str, bool, State]":
    """(folder to run, whether in safe mode, what to remember) for a start or a wake."""
    after = dict(state)
    after["starts"] += not is_wake
    if state["trial"]:
        after["tries"] += not is_wake
        if after["tries"] <= TRIES:
            return str(state["trial"]), False, after
        after["undone"] = (
            "number %d" % state["trying"] if state["trying"] else "what lay in " + state["trial"]
        )
        after["trial"], after["tries"] = "", 0
    return str(state["good"]), after["starts"] > SAFE_AFTER, after


def running(state: "State") -> str:
    """The folder that runs, as long as nothing was staged since the start."""
    return str(state["trial"] or state["good"])


def staged(state: "State", slot: str, number: int = 0) -> "State":
    """After a release of that number was laid into a folder; ValueError for the one that runs."""
    if slot not in ("a", "b") or slot == state["good"]:
        raise ValueError("the firmware that has proved itself lies in " + str(state["good"]))
    after = dict(FIRST)
    after["good"], after["trial"], after["trying"] = state["good"], slot, number
    after["number"] = max(state["number"], number)
    return after


def missed(state: "State") -> "State":
    """What is on trial had its chance to reach somebody, and has not."""
    after = dict(state)
    after["tries"] += bool(state["trial"])
    return after


def confirmed(state: "State") -> "State":
    """What runs has reached somebody."""
    after = dict(state)
    after["good"], after["trial"] = state["trial"] or state["good"], ""
    after["tries"] = after["starts"] = 0
    return after


def told(state: "State") -> "State":
    """That an update was taken back is known now."""
    after = dict(state)
    after["undone"] = ""
    return after


def load(path: str = FILE) -> "State":
    """What is remembered; of a file that cannot be read, the beginning."""
    known = dict(FIRST)
    try:
        with open(path) as file:
            found = json.loads(file.read())
        for name in FIRST:
            value = found.get(name, FIRST[name])  # one of an older firmware has fewer
            if type(value) is not type(FIRST[name]):
                return dict(FIRST)
            known[name] = value
    except (OSError, ValueError, AttributeError):
        return dict(FIRST)
    return known


def save(state: "State", path: str = FILE) -> None:
    """In a new file that takes the old one's name: littlefs does that at once or not at all."""
    with open(path + ".new", "w") as file:
        file.write(json.dumps(state))
    os.rename(path + ".new", path)


def change(after: "State", before: "State", path: str) -> None:
    """Save what is another: each time costs an erase."""
    if after != before:
        save(after, path)


def begin(path: str = FILE, is_wake: bool = False) -> "tuple[str, bool]":
    """At a start: (folder to run, whether in safe mode)."""
    state = load(path)
    slot, is_safe, after = chosen(state, is_wake)
    change(after, state, path)
    return slot, is_safe


def stage(slot: str, path: str = FILE, number: int = 0) -> None:
    """Have the firmware of that folder tried from the next start on."""
    save(staged(load(path), slot, number), path)


def rise(number: int, path: str = FILE) -> None:
    """What was laid by cable is no older than the release of that number: no older one is staged either."""
    state = load(path)
    after = dict(state)
    after["number"] = max(state["number"], number)
    change(after, state, path)


def confirm(path: str = FILE) -> None:
    """What runs now counts."""
    state = load(path)
    change(confirmed(state), state, path)
