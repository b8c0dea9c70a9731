"""Settings: the example is the defaults, and whatever cannot be used is named."""

import re
import tomllib
from pathlib import Path

import pytest

from ingest.alerts.episode import Holds
from ingest.alerts.rules import RULES, OwnNumbers
from ingest.alerts.watch import Supply
from ingest.config import ConfigError, ContactSettings, Settings, load, secret_of
from ingest.silence import Limits

NURSE = "[[notify.contact]]\nname = 'nurse'\naddress_file = 'nurse'"
EXAMPLE = Path(__file__).resolve().parents[2] / "ingest" / "example.toml"


def test_the_example_shows_every_option_at_its_default() -> None:
    assert load(EXAMPLE) == Settings()
    shown = tomllib.loads(EXAMPLE.read_text())
    shown["notify"]["contact"] = []  # an empty list there would forbid to add one below
    shown["alerts"]["site"] = []
    assert shown == Settings().model_dump()


def test_what_the_example_shows_of_a_contact_is_its_default(tmp_path: Path) -> None:
    _, _, commented = EXAMPLE.read_text().partition("# [[notify.contact]]")
    lines = [line.removeprefix("# ") for line in commented.splitlines()]
    path = tmp_path / "ingest.toml"
    path.write_text("[[notify.contact]]\n" + "\n".join(line for line in lines if re.match(r"\w+ = ", line)))
    (contact,) = load(path).notify.contact
    assert contact == ContactSettings(name=contact.name, address_file=contact.address_file)
    shown = tomllib.loads(path.read_text())["notify"]["contact"][0]
    assert set(shown) == set(ContactSettings.model_fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[brokr]", "unknown key brokr; did you mean broker?"),
        ("[broker]\nprot = 1", "unknown key broker.prot; did you mean port?"),
        ("[live]\nzzz = 1", "unknown key live.zzz; known are stale_after_s, gone_after_s, tick_ms"),
        ("[broker]\nport = 70000", "broker.port = 70000: Input should be less than or equal to 65535"),
        ("[broker]\nport = '1883'", "broker.port = '1883': Input should be a valid integer"),
        ("[http]\nport = true", "http.port = True"),
        ("[broker]\nprotocol = '4'", "broker.protocol = '4'"),
        ("broker = 3", "broker = 3"),
        ("[broker", "not TOML"),
        ("[[notify.contact]]\nnmae = 'a'\naddress_file = 'a'", "notify.contact.0.name"),
        (f"{NURSE}\nlangage = 'mn'", "unknown key notify.contact.0.langage; did you mean language?"),
        (f"{NURSE}\nquiet = '25:00-06:00'", "notify.contact.0.quiet = '25:00-06:00'"),
        ("[alerts.rules.low_stok]", "unknown key alerts.rules.low_stok; did you mean low_stock?"),
        ("[alerts.rules.low_stock]\nfor = 1", "unknown key alerts.rules.low_stock.for; did you mean for_s?"),
        ("[alerts.rules.low_stock]\nkeep_s = -1", "alerts.rules.low_stock.keep_s = -1: Input should be"),
        ("[alerts.rules.door_open]\nfor_s = 604801", "alerts.rules.door_open.for_s = 604801: Input"),
        ("[[alerts.site]]\nsite = 'a'\nrules.door_opn.for_s = 1", "rules.door_opn; did you mean door_open?"),
        ("[[alerts.site]]\nsite = 'a'\nrules.help_called.for_s = 1", "rules.help_called.for_s; known are"),
        ("[[alerts.site]]\nsite = 'a'\n[[alerts.site]]\nsite = 'a'", "two are for site a"),
        ("[alerts.silence]\nleast_s = 900\nmost_s = 600", "less than least_s, which is 900"),
        ("[alerts.silence]\nleast_s = 604801", "less than least_s, which is 604801"),
        ("[alerts.rules.help_called]\nfor_s = 1", "unknown key alerts.rules.help_called.for_s; known are"),
        (f"{NURSE}\n{NURSE}", "two contacts are called nurse"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_numbers_of_a_rule_are_those_that_are_set_and_else_the_usual_ones(tmp_path: Path) -> None:
    assert Settings().alerts.to_rules() == RULES
    path = tmp_path / "ingest.toml"
    path.write_text("[alerts.rules]\ndoor_open = { for_s = 600 }\nfreezing = { escalate_s = 0 }\n")
    rules = load(path).alerts.to_rules()
    assert (rules["door_open"].holds, rules["door_open"].escalate_s) == (Holds(600, 60), 3600)
    assert (rules["freezing"].holds, rules["freezing"].escalate_s) == (RULES["freezing"].holds, None)
    others = set(RULES) - {"door_open", "freezing"}
    assert {name: rules[name] for name in others} == {name: RULES[name] for name in others}


def test_a_site_sets_of_a_rule_what_it_names_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "ingest.toml"
    _, _, commented = EXAMPLE.read_text().partition("# [[alerts.site]]")
    lines = [line.removeprefix("# ") for line in commented.splitlines()[1:3]]
    path.write_text("[[alerts.site]]\n" + "\n".join(lines))
    assert load(path).alerts.of_sites() == {
        "hospital-01": {"door_open": OwnNumbers(60, None, 600), "low_stock": OwnNumbers(None, 600, None)}
    }
    path.write_text("[alerts.supply]\nlow_12v_mv = 12100\n[alerts.silence]\ncabinet_s = 600\n")
    alerts = load(path).alerts
    assert (alerts.supply.limits(), alerts.silence.limits()) == (
        Supply(low_12v_mv=12_100),
        Limits(cabinet_ms=600_000),
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        secret_of(str(tmp_path / "none"))


def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    assert secret_of(str(tmp_path / "password")) == "secret"
    assert secret_of("") is None
