"""Koha's side of an offline file: a reader of its own, and what `process_koc.pl` makes of each line.

Days are compared, not moments; what loses is not told. From that program's rules, not from our writer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Loan:
    card: str
    since: datetime
    renewals: int = 0


@dataclass
class Koha:
    """`silent` are lines of which Koha's operator hears nothing."""

    loans: dict[str, Loan] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def process(self, text: str) -> None:
        head, *lines = text.splitlines()
        said = dict(part.split("=", 1) for part in head.split("\t"))
        assert said["Version"] == "1.0", head
        for line in lines:
            stamp, command, *arguments = line.split("\t")
            day_and_time, _, milliseconds = stamp.rpartition(" ")
            assert len(milliseconds) == 3
            at = datetime.strptime(day_and_time, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - as Koha
            {"issue": self.issue, "return": self.take_back}[command](at, line, *arguments)

    def issue(self, at: datetime, line: str, card: str, barcode: str) -> None:
        loan = self.loans.get(barcode)
        if loan is None or (loan.card != card and loan.since.date() < at.date()):
            self.loans[barcode] = Loan(card, at)
        elif loan.card == card:
            loan.renewals += 1
        else:
            self.silent.append(line)

    def take_back(self, _: datetime, line: str, barcode: str) -> None:
        if self.loans.pop(barcode, None) is None:
            self.errors.append(line)
