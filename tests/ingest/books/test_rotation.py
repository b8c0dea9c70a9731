"""Rotation and holds to carry, as tables; and the round of one copy through the ledger."""

import pytest

from ingest.books.carry import Candidate, to_carry
from ingest.books.rotation import Round, Stage, step
from ingest.ledger import rotas
from ingest.ledger.readers import Hold
from tests.ingest.books.said import DAY_MS, NOW_MS, TODAY, new_ledger, said, take

STAGES = [Stage("van", 30), Stage("house", 60)]
DAY = 100


@pytest.mark.parametrize(
    ("at", "site", "is_cyclic", "expected"),
    [
        (Round(None, None, False, None), "depot", True, ("initiate", "van", 0)),
        (Round(None, None, False, None), "van", True, ("stay", "van", 0)),
        (Round(0, "van", False, None), None, True, ("under_way", "van", 0)),
        (Round(0, "van", False, None), "van", True, ("stay", "van", 0)),
        (Round(0, None, False, 90), "depot", True, ("repatriate", "van", 0)),
        (Round(0, None, False, 70), "depot", True, ("repatriate", "van", 0)),  # before it may go on
        (Round(0, None, False, 71), "van", True, ("stay", "van", 0)),
        (Round(0, None, False, 70), "van", True, ("advance", "house", 1)),
        (Round(0, None, True, 70), "van", True, ("stay_in_demand", "van", 0)),
        (Round(1, None, False, 40), "house", True, ("advance", "van", 0)),
        (Round(1, None, False, 40), "house", False, ("leave", None, None)),
        (Round(2, None, False, 40), "house", True, ("leave", None, None)),
    ],
)
def test_what_a_rota_asks(
    at: Round, site: str | None, is_cyclic: bool, expected: tuple[str, str | None, int | None]
) -> None:
    assert step(at, site, STAGES, is_cyclic, DAY) == expected


def test_no_stages_no_rota() -> None:
    assert step(Round(0, None, False, 1), "van", [], True, DAY).action == "leave"


def test_a_copy_goes_its_round() -> None:
    ledger = new_ledger()
    rotas.replace(ledger, {"r": (False, [Stage("van", 1), Stage("house", 1)])})
    rotas.join(ledger, [("B1", "r")])
    take(ledger, said("depot", 1, "seen", "B1", NOW_MS - DAY_MS))
    seen = []
    for day, unit in enumerate(["", "van", "", "", "house", "", ""]):
        if unit:
            take(ledger, said(unit, day, "seen", "B1", NOW_MS + day))
        rotas.follow(ledger, TODAY + day)
        seen.append(" ".join(f"{one.step.action} {one.step.site}" for one in rotas.due(ledger, TODAY + day)))
    assert seen == [
        "under_way van",
        "stay van",
        "under_way house",
        "under_way house",
        "stay house",
        "",
        "",
    ]


def hold(name: str, title: str, since_ms: int, copy: str | None = None, stop: str = "ger") -> Hold:
    return Hold(name, title, copy, name * 2, stop, since_ms)


def test_the_longest_waiting_is_served_first_and_nothing_is_promised_twice() -> None:
    copies = {"t": [Candidate("B2", "depot", False), Candidate("B1", "van", True)]}
    holds = [
        hold("c", "t", 3),
        hold("a", "t", 1),
        hold("b", "t", 2),
        hold("d", "u", 0),
        hold("e", "t", 4, stop="x"),
    ]
    found = to_carry(holds, frozenset({"ger"}), copies)
    assert [(one.hold.hold, one.candidate and one.candidate.copy) for one in found] == [
        ("d", None),
        ("a", "B1"),
        ("b", "B2"),
        ("c", None),
    ]
    (only,) = to_carry([hold("a", "t", 1, copy="B2")], None, copies)
    assert only.candidate is not None
    assert only.candidate.copy == "B2"
