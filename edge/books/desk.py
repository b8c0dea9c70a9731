"""The lending desk: what the crew asks becomes a fact, by the rules that hold without any network. Pure.

    lend     item, card [, override, reason, actor]      return   item [, override, reason, actor]
    renew    item [, card, override, reason, actor]      settle   conflict, finding [, item, note, actor]

Everything asked bears an `id` of the asker's making: asked again it is answered again and not done again.
What a rule forbids is answered `refused` with the rules; asked with `override` and a reason it is done.

A tag that lies on the pad is written before the fact is recorded, for at most WRITE_MS; what did not come
through by then is repaired later, and recorded when it is.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.books import card, rules
from edge.books.label import LabelError, label_of
from edge.books.shelf import HERE, LENT, SOMEBODY, Fact, Known, Shelf, local_day
from edge.books.tag import AFI_IN_LIBRARY, AFI_ON_LOAN
from edge.record import Reading
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.books.pad import Lying, Pad, Repair
    from edge.record import Values

SOURCE = "books"
WRITE_MS = 1_500
AGAIN_MS = 60_000  # the same book scanned twice within this is one return
MAX_TEXT_BYTES = 128
RULES_IN_ALL = 8

Ask = dict[str, Any]
Answer = dict[str, Any]


class DeskError(ValueError):
    """What was asked cannot be done; the text tells the crew what to do."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the library allows."""

    most_loans: int = 20
    lists_days: float = 3.0
    utc_offset_min: int = 480
    item_prefixes: tuple[str, ...] = ()
    card_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of an ask: `time_ms` None while the clock is not set."""

    mono_ms: int
    time_ms: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an ask: the answer, what is to be recorded, and the facts that changed."""

    answer: Answer
    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(slots=True)
class Waiting:
    """A fact that waits for its tag to be written."""

    uid: str
    until_ms: int
    done: Done
    finish: Callable[[Done], None]


class Desk:
    """One unit's desk. `key` is that of the readers' cards; without one nobody can borrow."""

    def __init__(
        self,
        shelf: Shelf,
        pad: Pad,
        policy: Policy,
        key: bytes | None,
        new_loan: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._shelf = shelf
        self._pad = pad
        self._policy = policy
        self._key = key
        self._key_name = "" if key is None else card.name_of(key)
        self._new_loan = new_loan
        self._waiting: list[Waiting] = []
        self._asks = {
            "lend": self._lend,
            "return": self._return,
            "renew": self._renew,
            "settle": self._settle,
        }

    def ask(self, ask: Ask, now: Now, finish: Callable[[Done], None]) -> None:
        """Do what is asked; `finish` gets it, at once or when the tag was written. Raises DeskError."""
        what = self._asks.get(text_of(ask, "what"))
        if what is None:
            raise DeskError(f"what = {ask.get('what')!r}: must be one of {', '.join(self._asks)}")
        try:
            done, lying = what(ask, now)
        except (LabelError, card.CardError) as error:
            raise DeskError(str(error)) from None
        for fact in done.facts:
            self._shelf.facts[fact.item] = fact
        if lying is None or not done.facts:
            finish(done)
            return
        for earlier in [one for one in self._waiting if one.uid == lying.tag.uid]:
            self._waiting.remove(earlier)
            earlier.finish(_with_afi(earlier.done, None, is_pending=True))
        afi = AFI_ON_LOAN if done.facts[0].state == LENT else AFI_IN_LIBRARY
        self._pad.want(lying.tag.uid, lying.tag.item, afi, now.mono_ms)
        self._waiting.append(Waiting(lying.tag.uid, now.mono_ms + WRITE_MS, done, finish))

    def reader_of(self, text: str) -> str:
        """The hash of a card; raises DeskError."""
        if self._key is None:
            raise DeskError("no key of the readers' cards on this unit: [books] key_file is not set")
        try:
            label = label_of(text, "card", self._policy.item_prefixes, self._policy.card_prefixes)
            if label.what != "card":
                raise DeskError(f"{label.text} is the label of a book: scan the reader's card first")
            return card.hashed(self._key, label.text)
        except (LabelError, card.CardError) as error:
            raise DeskError(str(error)) from None

    # --- tags -------------------------------------------------------------------------------------------

    def written(self, uid: str, afi: int | None, now_ms: int) -> Reading | None:
        """What a reader read back, or saw; a record when that ends a repair of earlier."""
        repair = self._pad.written(uid, afi)
        waiting = next((one for one in self._waiting if one.uid == uid), None)
        if waiting is not None and (repair is not None or waiting.until_ms <= now_ms):
            self._waiting.remove(waiting)
            waiting.finish(_with_afi(waiting.done, afi, is_pending=repair is None))
            return None
        return None if repair is None else _repaired(repair, now_ms)

    def step(self, now_ms: int) -> None:
        """Record what has waited long enough for its tag."""
        for waiting in [one for one in self._waiting if one.until_ms <= now_ms]:
            self._waiting.remove(waiting)
            waiting.finish(_with_afi(waiting.done, None, is_pending=True))
        self._pad.ask(now_ms)

    # --- what is asked ----------------------------------------------------------------------------------

    def _lend(self, ask: Ask, now: Now) -> tuple[Done, Lying | None]:
        item, reader = self._item(ask), self.reader_of(text_of(ask, "card"))
        known, lying = self._known(item, reader, now), self._pad.tag_of(item, now.mono_ms)
        fact = known.fact
        if fact is not None and fact.state == LENT and fact.reader == reader and _is_just_now(fact, now):
            return Done(_answer("already", item, self._shelf, due_on=fact.due_on)), None
        loans = self._shelf.loans_of(reader)
        found = rules.of_loan(known, reader, len(loans), self._policy.most_loans)
        found += rules.of_usage(None if lying is None else lying.tag.usage, is_loan=True)
        refused = self._refusal(ask, found, item, now)
        if refused is not None:
            return refused, None
        fact = Fact(
            item=item,
            state=LENT,
            at_ms=now.time_ms,
            reader=reader,
            loan=self._new_loan(),
            due_on=self._due(known.today),
        )
        return self._done("lent", ask, fact, found, now, lying), lying

    def _return(self, ask: Ask, now: Now) -> tuple[Done, Lying | None]:
        item = self._item(ask)
        known, lying = self._known(item, "", now), self._pad.tag_of(item, now.mono_ms)
        before = known.fact
        if before is not None and before.state == HERE and not before.place and _is_just_now(before, now):
            return Done(_answer("already", item, self._shelf)), None
        found = rules.of_return(known)
        found += rules.of_usage(None if lying is None else lying.tag.usage, is_loan=False)
        refused = self._refusal(ask, found, item, now)
        if refused is not None:
            return refused, None
        reader, loan = self._loan_of(known)
        fact = Fact(item=item, state=HERE, at_ms=now.time_ms)
        done = self._done("returned", ask, fact, found, now, lying, reader=reader, loan=loan)
        held = known.copy is not None and bool(known.copy.held_for)
        return replace(
            done, answer={**done.answer, "is_held": held, "home": self._shelf.home_of(item)}
        ), lying

    def _renew(self, ask: Ask, now: Now) -> tuple[Done, Lying | None]:
        item = self._item(ask)
        reader = self.reader_of(text_of(ask, "card")) if ask.get("card") else ""
        known = self._known(item, reader, now)
        known = self._known(item, reader or known.lent_to, now)
        before = known.fact
        renewals = 0 if before is None else before.renewals
        most = 2 if self._shelf.lists is None else self._shelf.lists.head.renewals
        found = rules.of_renewal(known, reader, renewals, most)
        refused = self._refusal(ask, found, item, now)
        if refused is not None:
            return refused, None
        holder, loan = self._loan_of(known)
        due_on, old_on = self._due(known.today), self._shelf.due_of(item)
        if due_on is not None and old_on is not None:
            due_on = max(due_on, old_on)
        fact = Fact(
            item=item,
            state=LENT,
            at_ms=now.time_ms,
            reader=reader or holder,
            loan=loan or self._new_loan(),
            due_on=due_on,
            renewals=renewals + 1,
        )
        return self._done("renewed", ask, fact, found, now, None), None

    def _settle(self, ask: Ask, now: Now) -> tuple[Done, Lying | None]:
        words = wire.KINDS["settle"].by_name["finding"].words
        name, finding = text_of(ask, "conflict"), text_of(ask, "finding")
        open_ = {one.conflict: one for one in self._shelf.conflicts()}
        if name not in open_:
            raise DeskError(f"no conflict {name!r} waits here; it may be settled already")
        if finding not in words:
            raise DeskError(f"finding = {finding!r}: must be one of {', '.join(words)}")
        values: Values = {
            "conflict": name,
            "finding": words.index(finding),
            "item": open_[name].item or None,
            "note": text_of(ask, "note") or None,
            "actor": text_of(ask, "actor") or None,
        }
        self._shelf.settled.add(name)
        answer = {"state": "done", "conflict": name}
        return Done(answer, (Reading("settle", SOURCE, now.mono_ms, values),)), None

    # --- parts ------------------------------------------------------------------------------------------

    def _item(self, ask: Ask) -> str:
        label = label_of(text_of(ask, "item"), "item", self._policy.item_prefixes, self._policy.card_prefixes)
        if label.what == "isbn":
            raise DeskError(f"{label.text} is an ISBN, which many copies share: scan the library's own label")
        if label.what == "card":
            raise DeskError(f"{label.text} is a reader's card: scan the book's label")
        return label.text

    def _known(self, item: str, reader: str, now: Now) -> Known:
        return self._shelf.known(item, reader, self.today(now))

    def _loan_of(self, known: Known) -> tuple[str, str]:
        """The reader and the name of the loan that a copy has, empty where nobody here knows."""
        if known.fact is not None:
            return known.fact.reader, known.fact.loan
        if known.copy is None or known.copy.lent_to == SOMEBODY:
            return "", ""
        return known.copy.lent_to, known.copy.loan

    def _due(self, today: int | None) -> int | None:
        days = 30 if self._shelf.lists is None else self._shelf.lists.head.loan_days
        return None if today is None else today + days

    def today(self, now: Now) -> int | None:
        """The local day; None while the clock is not set."""
        return None if now.time_ms is None else local_day(now.time_ms, self._policy.utc_offset_min)

    def age_s(self, now: Now) -> int | None:
        """How old the lists are; None: there are none, or no clock."""
        lists = self._shelf.lists
        if lists is None or now.time_ms is None:
            return None
        return max(now.time_ms - lists.head.as_of_ms, 0) // 1000

    def are_lists_old(self, now: Now) -> bool:
        """Whether the lists should be brought anew before much is lent by them."""
        head = None if self._shelf.lists is None else self._shelf.lists.head
        return bool(rules.of_lists(head, self.age_s(now), self._policy.lists_days))

    def against(self, reader: str, now: Now) -> list[str]:
        """What speaks against lending anything to a reader."""
        loans = self._shelf.loans_of(reader)
        found = rules.of_reader(self._known("", reader, now).block, self._known("", reader, now).today)
        return found + ([rules.TOO_MANY] if len(loans) >= self._policy.most_loans else [])

    def item_of(self, ask: Ask) -> str:
        """The copy that an ask names; raises DeskError."""
        try:
            return self._item(ask)
        except LabelError as error:
            raise DeskError(str(error)) from None

    def _refusal(self, ask: Ask, found: list[str], item: str, now: Now) -> Done | None:
        """What a rule forbids and nobody has taken upon themselves."""
        head = None if self._shelf.lists is None else self._shelf.lists.head
        found += rules.of_lists(head, self.age_s(now), self._policy.lists_days)
        forbidding = rules.forbidding(found)
        if not forbidding:
            return None
        if ask.get("override") is not True:
            answer = _answer("refused", item, self._shelf, rules=found)
            return Done({**answer, "forbidding": forbidding, "age_s": self.age_s(now)})
        if not text_of(ask, "reason"):
            raise DeskError("what a rule forbids needs a reason")
        return None

    def _done(
        self,
        event: str,
        ask: Ask,
        fact: Fact,
        found: list[str],
        now: Now,
        lying: Lying | None,
        *,
        reader: str | None = None,
        loan: str | None = None,
    ) -> Done:
        reader = fact.reader if reader is None else reader
        ruling = "overridden" if rules.forbidding(found) else "allowed"
        if self._shelf.lists is None and ruling == "allowed":
            ruling = "unchecked"
        values: Values = {
            "event": number("event", event),
            "item": fact.item,
            "method": number("method", _method(ask, lying)),
            "reader": reader if reader != SOMEBODY else None,
            "loan": (fact.loan if loan is None else loan) or None,
            "due_on": fact.due_on,
            "ruling": number("ruling", ruling),
            "rules": " ".join(found[:RULES_IN_ALL]) or None,
            "lists_age_s": self.age_s(now),
            "reason": text_of(ask, "reason") or None,
            "actor": text_of(ask, "actor") or None,
            "owner": self._owner(fact.item, lying),
            **of_tag(lying),
        }
        values["reader"] = values["reader"] or None
        values["reader_key"] = self._key_name if values["reader"] else None
        try:
            wire.check_values("book", values)
        except wire.WireError as error:  # nobody is told of a loan that no record can hold
            raise DeskError(f"this cannot be recorded: {error}") from None
        answer = _answer("done", fact.item, self._shelf, rules=found, due_on=fact.due_on)
        answer["loans"] = len(self._shelf.loans_of(reader)) + (event == "lent") if reader else None
        return Done(answer, (Reading("book", SOURCE, now.mono_ms, values),), (fact,))

    def _owner(self, item: str, lying: Lying | None) -> str | None:
        if lying is not None and lying.tag.owner:
            return lying.tag.owner
        copy = None if self._shelf.lists is None else self._shelf.lists.copies.get(item)
        return (copy.owner or None) if copy is not None else None


def number(name: str, word: str) -> int:
    """The wire's number of a word of `book`."""
    return wire.KINDS["book"].by_name[name].words.index(word)


def of_tag(lying: Lying | None) -> Values:
    """What a record says of the tag that was read."""
    if lying is None:
        return {}
    return {
        "layout": number("layout", lying.tag.layout),
        "tag_id": lying.tag.uid,
        "usage": lying.tag.usage,
        "afi": lying.afi,
        "is_eas_on": None if lying.is_eas_on is None else int(lying.is_eas_on),
    }


def _with_afi(done: Done, afi: int | None, *, is_pending: bool) -> Done:
    reading = done.readings[0]
    values: Values = {**reading.values, "is_afi_pending": int(is_pending)}
    if afi is not None:
        values["afi"] = afi
    answer = {**done.answer, "is_afi_pending": is_pending}
    return replace(done, answer=answer, readings=(replace(reading, values=values), *done.readings[1:]))


def _repaired(repair: Repair, now_ms: int) -> Reading:
    values: Values = {
        "event": number("event", "repaired"),
        "item": repair.item,
        "method": number("method", "tag"),
        "tag_id": repair.uid,
        "afi": repair.afi,
        "is_afi_pending": 0,
    }
    return Reading("book", SOURCE, now_ms, values)


def _answer(state: str, item: str, shelf: Shelf, **more: Any) -> Answer:
    return {"state": state, "item": item, "title": shelf.title_of(item), **more}


def _is_just_now(fact: Fact, now: Now) -> bool:
    if fact.at_ms is None or now.time_ms is None:
        return False
    return 0 <= now.time_ms - fact.at_ms < AGAIN_MS


def _method(ask: Ask, lying: Lying | None) -> str:
    given = text_of(ask, "method")
    if given in wire.KINDS["book"].by_name["method"].words:
        return given
    return "barcode" if lying is None else "tag"


def text_of(ask: Ask, name: str) -> str:
    """A text of an ask, empty where it has none; raises DeskError."""
    text = ask.get(name) or ""
    if not isinstance(text, str) or len(text.encode(errors="replace")) > MAX_TEXT_BYTES:
        raise DeskError(f"{name}: must be a text of at most {MAX_TEXT_BYTES} bytes")
    return text.strip()
