"""The chat with a modem: against what real ones said, in pieces, with noise, and with what may go wrong."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import board
from firmware.line import at, modem, modem_fault
from firmware.line.modem import Chat
from tests.firmware.modem_talks import READY, TALKS, Card, Modem, Talk

STEP_MS = 20
ENDS = {modem.ONLINE, *modem_fault.FAILURES}
WELL = Talk("", modem.ONLINE, READY)


def talked(chat: Chat, heard_by: Modem, piece: int = 1000, now_ms: int = 0) -> int:
    """Bring them together until the chat has ended; the time then."""
    said = b""
    while not chat.outcome:
        asked = chat.output()
        said += heard_by.hear(asked, now_ms, chat.baud) if asked else b""
        chat.feed(said[:piece], now_ms)
        said = said[piece:]
        now_ms += STEP_MS
        chat.step(now_ms)
        assert now_ms <= modem_fault.LONGEST_MS
    return now_ms


@pytest.mark.parametrize("name", TALKS)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_what_real_modems_said(name: str, piece: int) -> None:
    talk = TALKS[name]
    chat = Chat("internet", "7777", 0)
    talked(chat, Modem(talk), piece)
    assert (chat.outcome, chat.signal_dbm) == (talk.outcome, talk.signal_dbm)


def test_the_order_of_a_good_chat() -> None:
    heard_by = Modem(Talk("", "", {**READY, "AT+QLTS=1": ['<+QLTS: "2026/11/21,04:12:55+32,0"<<OK<']}))
    chat = Chat("internet", None, 0)
    talked(chat, heard_by)
    assert heard_by.heard == [
        "AT", "ATH", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CSQ", "AT+CEREG?", "AT+QLTS=1",
        'AT+CGDCONT=1,"IP","internet"', "ATD*99#",
    ]  # fmt: skip
    assert chat.utc is not None
    assert chat.utc[0] == 1795234375000  # 2026-11-21 04:12:55 UTC, whatever the zone
    assert not chat.is_roaming


@given(st.integers(978_307_200, 4_102_444_799))
def test_the_networks_time_is_that_of_greenwich(utc_s: int) -> None:
    said = datetime.fromtimestamp(utc_s, UTC).strftime('"%Y/%m/%d,%H:%M:%S+32,0"')
    assert at.utc_ms(said) == utc_s * 1000


@pytest.mark.parametrize("said", ["", '""', '"26/11/21,04:12:55+32"', '"2026/11/21,04:12"', "x" * 30])
def test_what_is_no_time_is_none(said: str) -> None:
    assert at.utc_ms(said) is None


@pytest.mark.parametrize("wakes_ms", [0, 700, 12_000])
@pytest.mark.parametrize("is_in_data", [False, True])
@pytest.mark.parametrize("baud", modem.BAUDS)
def test_it_is_found_wherever_it_was_left(wakes_ms: int, is_in_data: bool, baud: int) -> None:
    heard_by = Modem(WELL, is_in_data=is_in_data, wakes_ms=wakes_ms, baud=baud)
    chat = Chat("internet", None, 0)
    talked(chat, heard_by)
    assert (chat.outcome, chat.baud) == (modem.ONLINE, baud)


def test_nobody_there() -> None:
    chat = Chat("internet", None, 0)
    assert talked(chat, Modem(WELL, wakes_ms=10**9)) < 30_000
    assert chat.outcome == "no_reply"


def test_what_follows_connect_is_not_taken() -> None:
    """As a SIM800L begins PPP at once (forums.quectel.com, BC92 PPP mode)."""
    talk = dataclasses.replace(WELL, answers={**READY, "ATD*99#": ["<CONNECT<~\x7f}#@!}!}!} }2}<RDY<"]})
    chat = Chat("internet", None, 0)
    talked(chat, Modem(talk))
    assert chat.outcome == modem.ONLINE
    assert chat._held == b""


@pytest.mark.parametrize(
    ("command", "answer", "outcome", "detail"),
    [
        ("AT+CPIN?", "<+CPIN: SIM PUK<<OK<", "card_locked", "SIM PUK"),
        ("AT+CPIN?", "<+CME ERROR: 10<", "no_card", "10"),
        ("AT+CPIN?", "<+CME ERROR: 14<", "card_busy", "14"),
        ("AT+CPIN?", "<+CPIN: SIM PIN<<OK<", "pin_needed", ""),
        ('AT+CGDCONT=1,"IP","internet"', "<+CME ERROR: 50<", "apn_refused", "50"),
        ("ATD*99#", "<NO CARRIER<", "no_carrier", "NO CARRIER"),
        ("ATD*99#", "", "no_carrier", "no answer"),
    ],
)
def test_what_is_wrong_has_a_word(command: str, answer: str, outcome: str, detail: str) -> None:
    chat = Chat("internet", None, 0)
    talked(chat, Modem(dataclasses.replace(WELL, answers={**READY, command: [answer]})))
    assert chat.outcome == outcome
    assert chat.fault is not None
    assert chat.fault.detail == detail


def test_an_active_context_is_ended_before_it_is_set() -> None:
    setting = 'AT+CGDCONT=1,"IP","internet"'
    heard_by = Modem(dataclasses.replace(WELL, answers={**READY, setting: ["<ERROR<", "<OK<"]}))
    chat = Chat("internet", None, 0)
    talked(chat, heard_by)
    assert chat.outcome == modem.ONLINE
    assert heard_by.heard[-4:] == [setting, "AT+CGACT=0,1", setting, "ATD*99#"]


def with_card(card: Card, pin: str) -> Modem:
    """A modem with this card in it."""
    made = Modem(WELL)
    made.on["AT+CPIN?"] = card.state
    made.on['AT+CPINR="SIM PIN"'] = card.counted
    made.on[f'AT+CPIN="{pin}"'] = lambda: card.verify(pin)
    return made


def test_the_right_pin_opens_the_card_at_each_start() -> None:
    card = Card("0933")
    for _ in range(3):
        card.is_open = False
        chat = Chat("internet", "0933", 0)
        talked(chat, with_card(card, "0933"))
        assert chat.outcome == modem.ONLINE


def test_a_wrong_pin_is_tried_once_however_often_the_node_starts() -> None:
    card = Card("0933")
    for detail in ["16", "not tried", "not tried", "not tried", "not tried"]:
        chat = Chat("internet", "1234", 0)
        talked(chat, with_card(card, "1234"))
        assert chat.outcome == "pin_refused"
        assert chat.fault is not None
        assert chat.fault.detail.startswith(detail)
        assert "1234" not in chat.fault.detail
    assert card.left == 2


def test_a_pin_is_not_tried_when_nobody_counts() -> None:
    heard_by = Modem(
        dataclasses.replace(
            WELL,
            answers={
                "AT+CPIN?": ["<+CPIN: SIM PIN<<OK<"],
                'AT+CPINR="SIM PIN"': ["<ERROR<"],
                'AT+CSIM=10,"0020000100"': ['<+CSIM: 4,"9804"<<OK<'],
            },
        )
    )
    chat = Chat("internet", "1234", 0)
    talked(chat, heard_by)
    assert chat.outcome == "pin_refused"
    assert not any(command.startswith("AT+CPIN=") for command in heard_by.heard)


@pytest.mark.parametrize(("times", "outcome"), [(1, modem.ONLINE), (9, "restarts")])
def test_a_modem_that_starts_anew_in_mid_chat(times: int, outcome: str) -> None:
    """Its supply broke down when it first sent (RDY, +CPIN: READY: espressif/esp-protocols#789)."""
    answers = ["<RDY<<+CPIN: READY<<SMS DONE<"] * times + ["<+CEREG: 0,1<<OK<"]
    chat = Chat("internet", None, 0)
    talked(chat, Modem(dataclasses.replace(WELL, answers={**READY, "AT+CEREG?": answers})))
    assert chat.outcome == outcome


ODD = ["", "<RDY<", "<NO CARRIER<", "<+CPIN: SIM PIN<<OK<", "<OK<<OK<", "<+CEREG: <<OK<", "<+CSQ: x<<OK<"]
LINES = st.sampled_from(
    [*ODD, *sorted({one for talk in TALKS.values() for found in talk.answers.values() for one in found})]
)
COMMANDS = sorted({"AT", *(command for talk in TALKS.values() for command in talk.answers)})


@given(
    st.dictionaries(st.sampled_from(COMMANDS), st.lists(LINES, min_size=1, max_size=4)),
    st.lists(st.binary(max_size=300), max_size=40),
    st.integers(1, 30),
)
def test_whatever_a_modem_says_it_ends_with_a_word_in_time(
    answers: dict[str, list[str]], noise: list[bytes], piece: int
) -> None:
    """Any answer to any command, noise in between, in pieces: no exception, an end, a bounded buffer."""
    heard_by = Modem(Talk("", "", answers))
    chat, now_ms, said = Chat("internet", "1234", 0), 0, b""
    while not chat.outcome:
        asked = chat.output()
        said += heard_by.hear(asked, now_ms, chat.baud) if asked else b""
        said += noise.pop() if noise else b""
        chat.feed(said[:piece], now_ms)
        said = said[piece:]
        now_ms += 100
        chat.step(now_ms)
        assert len(chat._held) <= modem.MAX_LINE
        assert len(chat._lines) <= modem.MAX_LINES
    assert chat.outcome in ENDS
    assert now_ms <= modem_fault.LONGEST_MS + 100
    assert sum(command.startswith("AT+CPIN=") for command in heard_by.heard) <= 1
    chat.step(now_ms + 1)
    assert chat.output() == b""


def test_a_modem_that_babbles_without_end() -> None:
    chat, now_ms = Chat("internet", None, 0), 0
    while not chat.outcome:
        chat.output()
        chat.feed(b"\xff~}!#AT+CREG" * 40 + b"\r\n" * (now_ms % 2), now_ms)
        now_ms += STEP_MS
        chat.step(now_ms)
    assert chat.outcome == "no_reply"


def test_a_battery_pays_for_the_longest_dial() -> None:
    """And for ten seconds more: TLS, and what waits."""
    assert board.DUTY["modem_dial"][1] >= modem_fault.LONGEST_MS + modem_fault.ADDRESS_MS + 10_000
