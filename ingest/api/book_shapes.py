"""The shapes of books: what the API takes and gives of copies, loans and conflicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ingest.api.shapes import Instant, Shape
from ingest.api.stock_shapes import Name, SheetProblem  # noqa: TC001 -- pydantic reads the annotations

CopyStateWord = Literal["on_shelf", "on_loan", "missing", "unknown"]
VerdictWord = Literal["accepted", "already", "conflict", "refused"]
RulingWord = Literal["stands", "void"]
BookSheetWord = Literal["books", "readers", "holds", "rotas", "rounds", "marc"]


class BookPlace(Shape):
    """How many copies a site, or a unit that is no site, has: in all, by state and by language."""

    place: str
    name: str | None
    copies: int
    states: dict[str, int]
    languages: dict[str, int] = Field(description="of those on the shelf; und: nobody said")


class LibraryShape(Shape):
    """The library's system: what waits for it and why, and what it never took."""

    kind: Literal["none", "sip2", "koc", "koha"]
    waiting: int
    dead: int
    error: str = Field(description="why it waits, empty when it does not")
    readers_as_of: Instant | None = Field(description="from when cards and blocks are, null: none came")
    holds_as_of: Instant | None


class BooksShape(Shape):
    """Books of the whole fleet as of now."""

    now: Instant
    places: list[BookPlace]
    loans: int
    overdue: int
    missing: int
    conflicts: dict[str, int] = Field(description="that wait for a person, by class")
    library: LibraryShape


class BookCopy(Shape):
    """A copy as of now; `place` is where it lies or was lent, null: nobody knows."""

    copy_: str = Field(serialization_alias="copy")
    title: str | None
    name: str | None
    author: str | None
    language: str | None
    place: str | None
    shelf: str | None
    state: CopyStateWord
    since_at: Instant
    reader: str | None = Field(description="keyed hash of a card")
    card: str | None = Field(description="the card, where the library's readers are known")
    lent_at: Instant | None
    lent_by: str | None = Field(description="unit")
    due_on: str | None
    is_overdue: bool
    renewals: int


class BookCopies(Shape):
    now: Instant
    copies: list[BookCopy]
    after: str | None = Field(description="ask with this for those that follow, null at the end")


class BookFact(Shape):
    """What was told of a copy, and what became of it."""

    id: int
    identity: str
    event: str
    unit: str | None
    source: str
    happened_at: Instant
    clock: str
    learned_at: Instant
    reader: str | None
    due_on: str | None
    shelf: str | None
    site: str | None
    verdict: VerdictWord | None = Field(description="null for what is no loan, renewal or return")
    cause: str | None
    told_at: Instant | None = Field(description="when the library was told")
    values: dict[str, str | int | None]


class BookJourney(Shape):
    """A copy and all that was told of it, the newest first."""

    now: Instant
    now_is: BookCopy
    facts: list[BookFact]


class BookSide(Shape):
    """One side of a conflict."""

    event: str
    unit: str | None
    happened_at: Instant
    clock: str
    reader: str | None
    card: str | None
    due_on: str | None


class BookFinding(Shape):
    """What a crew found out about a conflict."""

    finding: str
    note: str | None
    actor: str | None
    unit: str
    found_at: Instant


class BookDecisionShape(Shape):
    ruling: RulingWord
    comment: str
    actor: str
    decided_at: Instant


class BookConflict(Shape):
    """An event that cannot simply count; `other` or `library` is what speaks against it."""

    conflict: str = Field(examples=["c-17"])
    number: int
    copy_: str = Field(serialization_alias="copy")
    name: str | None
    cause: str
    ours: BookSide
    other: BookSide | None
    library: dict[str, str]
    findings: list[BookFinding]
    decision: BookDecisionShape | None


class BookConflicts(Shape):
    now: Instant
    counts: dict[str, int]
    conflicts: list[BookConflict]
    after: int | None


class BookDecision(Shape):
    """It stands, and ends what speaks against it, or it is void; the comment says why."""

    ruling: RulingWord
    comment: Annotated[str, Field(min_length=1, max_length=500)]


class BookDone(Shape):
    """How many things that changed."""

    changed: int


class BookCarry(Shape):
    """A hold, and the copy to carry for it; null: none is to be had."""

    hold: str
    title: str
    name: str | None
    reader: str
    stop: str | None
    since_at: Instant
    copy_: str | None = Field(serialization_alias="copy")
    place: str | None
    is_on_board: bool


class BooksToCarry(Shape):
    now: Instant
    unit: str
    holds: list[BookCarry]


class BookMove(Shape):
    """What a rota asks of a copy today."""

    copy_: str = Field(serialization_alias="copy")
    name: str | None
    rota: str
    place: str | None
    action: Literal["stay", "under_way", "initiate", "repatriate", "advance", "leave", "stay_in_demand"]
    site: str | None


class BookMoves(Shape):
    now: Instant
    count: int = Field(description="of all that the filter lets through")
    moves: list[BookMove]
    after: int | None = Field(description="ask with this for those that follow, null at the end")


class BookPlaced(Shape):
    """A person put a copy somewhere; sent again with the same `id` it counts once."""

    id: Name
    site: Name
    shelf: Name | None = None


class BooksImported(Shape):
    """What was taken of a file, and what is wrong with it."""

    is_taken: bool
    lines: int
    problems: list[SheetProblem]


class DeadLetter(Shape):
    """An event that the library never took."""

    id: int
    copy_: str = Field(serialization_alias="copy")
    identity: str
    attempts: int
    error: str


class DeadLetters(Shape):
    letters: list[DeadLetter]
