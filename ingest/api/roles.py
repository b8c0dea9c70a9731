"""Which keys may ask for what: of every operation the roles that may, and nobody else.

A key has any of the roles of `ledger.keys`. Whoever has a key may look, but for readers' cards and bytes as
units sent them; `admin` may everything. An operation that is not in the table is refused, and a test asks of
each route in the OpenAPI document that it is. While no key exists everybody on this machine may everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 -- FastAPI reads the annotation

from ingest.api.errors import ApiError
from ingest.ledger.keys import ADMIN, DISPATCHER, HEALTH, LIBRARIAN, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_KEY = frozenset({"read_health", "read_readiness"})  # asked by who has none
_ALL = frozenset(ROLES)
_ADMIN = frozenset({ADMIN})
_ALERTS = frozenset({DISPATCHER, HEALTH, ADMIN})
_UNITS = frozenset({DISPATCHER, ADMIN})
_STOCK = frozenset({HEALTH, ADMIN})
_BOOKS = frozenset({LIBRARIAN, ADMIN})

ROLES_OF: dict[str, frozenset[str]] = {
    "read_me": _ALL,
    "read_metrics": _ALL,
    # alerts
    "list_alerts": _ALL,
    "list_alert_contacts": _ALL,
    "list_alert_rules": _ALL,
    "read_alert_texts": _ALL,
    "read_alert": _ALL,
    "list_maintenance": _ALL,
    "acknowledge_alert": _ALERTS,
    "comment_alert": _ALERTS,
    "close_alert": _ALERTS,
    "put_maintenance": _UNITS,
    "end_maintenance": _UNITS,
    # units
    "read_live": _ALL,
    "read_stream": _ALL,
    "list_units": _ALL,
    "read_unit": _ALL,
    "read_track": _ALL,
    "read_records": _ALL,
    "read_series": _ALL,
    "list_events": _ALL,
    "list_erasures": _ALL,
    "list_refused": _ALL,
    "read_refused_payload": _ADMIN,
    "send_command": _UNITS,  # other settings: an admin
    "register_unit": _ADMIN,
    "erase_history": _ADMIN,
    # stock
    "read_stock": _ALL,
    "read_stock_overview": _ALL,
    "read_stock_site": _ALL,
    "read_cold_chain": _ALL,
    "list_stock_differences": _ALL,
    "list_stock_items": _ALL,
    "list_stock_levels": _ALL,
    "list_stock_sites": _ALL,
    "list_suspect_lots": _ALL,
    "list_unbooked": _ALL,
    "add_stock_entry": _STOCK,
    "reject_stock_difference": _STOCK,
    "decide_stock_lot": _STOCK,
    "decide_unnumbered_lot": _STOCK,
    "put_stock_lot": _STOCK,
    "put_stock_item": _STOCK,
    "put_stock_level": _STOCK,
    "put_stock_site": _UNITS,  # planned visits; and who is told of what hangs on the tree
    "import_stock": _STOCK | _UNITS,  # of each sheet those who may put one of its lines
    # books
    "read_books": _ALL,
    "list_book_moves": _ALL,
    "list_books_to_carry": _ALL,
    "read_unit_book_lists": _ALL,
    "list_undelivered_books": _ALL,
    "read_book_shelf": _BOOKS,  # this and the next four show readers' cards
    "list_book_loans": _BOOKS,
    "list_missing_books": _BOOKS,
    "read_book_journey": _BOOKS,
    "list_book_conflicts": _BOOKS,
    "decide_book_conflict": _BOOKS,
    "place_book": _BOOKS,
    "import_books": _BOOKS,
    "follow_rotas": _BOOKS,
    "retry_undelivered_books": _BOOKS,
    # firmware
    "list_releases": _ALL,
    "add_release": _ADMIN,
    "withdraw_release": _ADMIN,
    "roll_out": _ADMIN,
}


async def check_role(request: Request) -> None:
    """Before every route: ApiError 403 for a caller who has none of its roles.

    Pages, their files and logging in are no operations: what they show comes from those.
    """
    route = request.scope["route"]
    if route.include_in_schema and route.operation_id not in NO_KEY:
        need_roles(request, ROLES_OF.get(route.operation_id, frozenset()))


def need_admin(request: Request) -> str:
    """The name of an admin's key; ApiError 403 for everybody else's."""
    need_roles(request, _ADMIN)
    return holder_of(request)


def need_roles(request: Request, allowed: Iterable[str]) -> None:
    """ApiError 403 for a caller who has none of these roles."""
    own = roles_of(request)
    if own.isdisjoint(allowed):
        # The least of them is named first: nobody should be made an admin for want of another word.
        wanted = [role for role in ROLES if role in allowed] or ["none there is"]
        detail = (
            f"this key is {' and '.join(sorted(own))}, this takes {' or '.join(wanted)}; "
            "an operator may give it: ortoo-ingest key role NAME --role …"
        )
        raise ApiError(403, "role_missing", "header.authorization", detail)


def is_admin(request: Request) -> bool:
    """Whether the caller's key is an admin's."""
    return ADMIN in roles_of(request)


def holder_of(request: Request) -> str:
    """The name of the caller's key."""
    holder: str = request.scope["state"]["holder"]
    return holder


def roles_of(request: Request) -> frozenset[str]:
    """The roles of the caller's key."""
    roles: frozenset[str] = request.scope["state"]["roles"]
    return roles
