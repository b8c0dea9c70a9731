"""The page about alerts says what the rules say."""

from pathlib import Path

from ingest.alerts import rules
from ingest.alerts.rules import CALL_SETTLE_S, DAY_S, MINUTE_S, RULES, STALE_CALL_S

PAGE = Path(rules.__file__).with_name("README.md")


def span(seconds: int | None) -> str:
    if seconds is None:
        return "nobody"
    return f"{seconds // DAY_S} d" if seconds >= DAY_S else f"{seconds // MINUTE_S} min"


def test_the_table_of_rules_is_theirs() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    wanted = [
        f"| `{name}` | {span(rule.holds.for_s)} | {span(rule.holds.keep_s)} | {rule.severity}"
        f" | {span(rule.escalate_s)} |"
        for name, rule in RULES.items()
    ]
    assert [line for line in lines if line.split("`")[1] in RULES] == wanted


def test_the_table_of_calls_is_that_of_the_rule() -> None:
    late = span(RULES["help_called"].late_s)
    rows = [
        f"| up to {late} | at once |",
        f"| up to {span(STALE_CALL_S)} | within {span(CALL_SETTLE_S)}, with how old it is |",
        "| older | nobody; it stands open, first in the inbox |",
    ]
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")


def test_it_names_files_that_there_are() -> None:
    root = PAGE.parents[2]
    named = {word for word in PAGE.read_text(encoding="utf-8").split("`") if word.endswith((".py", ".toml"))}
    assert {name for name in named if " " not in name} - {"ortoo.toml"} == {
        name for name in named if (root / name).is_file() or (PAGE.parent / name).is_file()
    }
