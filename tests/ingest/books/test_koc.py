"""Koha's offline file: the bytes, read back by another reader, and what Koha makes of them."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.books.koc import KocLibrary
from ingest.books.library import LibraryRefused, Transaction
from ingest.books.synchroniser import Synchroniser
from ingest.ledger import conflicts, readers
from ingest.ledger.conflicts import Decision
from ingest.ledger.readers import Reader
from ingest.stock.entries import Said
from tests.ingest.books.koc_peer import Koha, Loan
from tests.ingest.books.said import NOW_MS, new_ledger, said, take
from tests.ingest.books.test_circulation import P, Q, T, days

ZONE_MS = 8 * 3_600_000
AT_MS = 1_795_248_000_123  # 16:00 in Shanghai


def told(number: int, action: str, copy: str, card: str | None = "R1", **more: Any) -> Transaction:
    return Transaction(number, action, copy, card, AT_MS + number, None, **more)


def test_the_bytes(tmp_path: Path) -> None:
    library = KocLibrary(tmp_path, ZONE_MS)
    asked = [told(7, "lend", "B1"), told(8, "renew", "B1"), told(9, "take_back", "B2", None)]
    answers = list(library.settle(asked))
    assert [(one.outcome, one.facts) for one in answers] == [("done", {"file": "ortoo-00000007.koc"})] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["ortoo-00000007.koc"]
    assert (tmp_path / "ortoo-00000007.koc").read_bytes() == (
        b"Version=1.0\tGenerator=ortoo\tGeneratorVersion=1\n"
        b"2026-11-21 16:00:00 130\tissue\tR1\tB1\n"
        b"2026-11-21 16:00:00 131\tissue\tR1\tB1\n"
        b"2026-11-21 16:00:00 132\treturn\tB2\n"
    )
    koha = Koha({"B2": Loan("R9", None)})  # type: ignore[arg-type]
    koha.process((tmp_path / "ortoo-00000007.koc").read_text())
    assert (koha.loans["B1"].card, koha.loans["B1"].renewals, koha.silent) == ("R1", 1, [])
    assert "B2" not in koha.loans


def test_no_file_is_ever_overwritten(tmp_path: Path) -> None:
    for _ in range(3):
        list(KocLibrary(tmp_path, ZONE_MS).settle([told(7, "lend", "B1")]))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["ortoo-00000007-2.koc", "ortoo-00000007-3.koc", "ortoo-00000007.koc"]


def test_what_no_line_can_hold(tmp_path: Path) -> None:
    library = KocLibrary(tmp_path, ZONE_MS)
    asked = [told(1, "lend", "B\t1"), told(2, "lend", "B1", None), told(3, "take_back", "B" * 65)]
    assert [one.outcome for one in library.settle(asked)] == ["refused", "conflict", "refused"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LibraryRefused, match="cannot be written: No such file"):
        list(KocLibrary(tmp_path / "away", ZONE_MS).settle([told(1, "lend", "B1")]))


def test_the_trap_of_days_is_there_and_a_decision_does_not_fall_into_it(tmp_path: Path) -> None:
    """Two loans in one day to two cards lose one silently; a loan that stands goes behind a return."""
    koha = Koha()
    text = "Version=1.0\tGenerator=x\tGeneratorVersion=1\n"
    for card in ("R1", "R2"):
        text += f"2026-11-21 16:00:00 000\tissue\t{card}\tB1\n"
    koha.process(text)
    assert (koha.loans["B1"].card, len(koha.silent)) == ("R1", 1)
    ledger = new_ledger()
    readers.replace_readers(ledger, [Reader("R1", P), Reader("R2", Q)], NOW_MS)
    take(ledger, said("a", 1, "lent", "B1", T, P), said("b", 1, "lent", "B1", T + 60_000, Q))
    library = Synchroniser(
        lambda work: work(ledger), KocLibrary(tmp_path, ZONE_MS), lambda: NOW_MS, random.Random(1)
    )
    library.step()
    (found,) = conflicts.listed(ledger)
    conflicts.decide(ledger, found.number, Decision("stands", "seen with R2", "bat", NOW_MS))
    while library.step():
        pass
    koha = processed(tmp_path)
    assert (koha.loans["B1"].card, koha.silent) == ("R2", [])


def processed(folder: Path) -> Koha:
    """Koha after all files, in the order of their time."""
    koha = Koha()
    for path in sorted(folder.glob("*.koc"), key=lambda path: path.stat().st_mtime_ns):
        koha.process(path.read_text())
    return koha


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of a property share."""
    return tmp_path_factory.mktemp("koc")


@settings(max_examples=15)
@given(days(), st.randoms(use_true_random=False))
def test_koha_never_loses_what_we_write(files: Path, records: list[Said], rng: random.Random) -> None:
    for path in files.glob("*.koc"):
        path.unlink()
    ledger = new_ledger()
    readers.replace_readers(ledger, [Reader("R1", P), Reader("R2", Q)], NOW_MS)
    library = Synchroniser(lambda work: work(ledger), KocLibrary(files, ZONE_MS), lambda: NOW_MS, rng)
    take(ledger, *records)
    while library.step():
        pass
    koha = processed(files)
    assert koha.silent == []
    disputed = {one.copy for one in conflicts.listed(ledger)}
    for copy, reader in ledger.execute("SELECT copy, reader FROM copy_state"):
        if copy not in disputed:
            expected = None if reader is None else {P: "R1", Q: "R2"}[reader]
            assert (koha.loans[copy].card if copy in koha.loans else None) == expected
