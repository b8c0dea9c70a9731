"""Which numbers a rule has where: those of a county, and what sites set otherwise, down the tree.

A cabinet in a herder's tent is opened twice a day and a ward's every minute; the nearest site that sets a
number is right. A site's place in the tree counts as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.alerts.rules import at_site
from ingest.ledger import sites

if TYPE_CHECKING:
    import sqlite3

    from ingest.alerts.rules import OfSites, Rule, Rules


def rule_at(ledger: sqlite3.Connection, rules: Rules, of_sites: OfSites, name: str, site: str | None) -> Rule:
    """The rule with its numbers at a site; of what belongs to none those of the county."""
    if site is None or not of_sites:
        return rules[name]
    owns = (of_sites.get(above, {}).get(name) for above in reversed(sites.ways_up(ledger, site)))
    return at_site(rules[name], [own for own in owns if own is not None])
