"""What a modem's lines say: result codes (ITU-T V.250) and values (3GPP TS 27.007).

    +CEREG: 0,1        a value, in answer to AT+CEREG?; without the 0 it comes unasked
    +CME ERROR: 10     a result code: the answer ends here

Pure; for firmware/line/modem.py.
"""

_RESULTS = ("OK", "ERROR", "COMMAND NOT SUPPORT")
_OF_A_CALL = ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE")


def is_result(line: str, asked: str) -> bool:
    """Whether an answer ends with this line; of a call they are only after ATD."""
    if line in _RESULTS or line.startswith("+CME ERROR"):
        return True
    return asked.startswith("ATD") and (line in _OF_A_CALL or line.startswith("CONNECT"))


def cause(result: str) -> str:
    """What a result code says, without its name."""
    return result.partition(": ")[2] or result or "no answer"


def value(lines: "list[str]", name: str) -> str:
    """What stands behind `name:` in the last of these lines that has it."""
    for line in reversed(lines):
        if line.startswith(name + ":"):
            return line[len(name) + 1 :].strip()
    return ""


def registration(value: str) -> str:
    """The state in `<n>,<stat>[,"area",...]`, or in `<stat>[,"area",...]`, which comes unasked."""
    words = value.split(",")
    is_asked = len(words) > 1 and words[1][:1] != '"'
    return words[1 if is_asked else 0].strip()


def signal_dbm(value: str) -> "int | None":
    """27.007: 0 to 31 are -113 to -51 dBm, 99 is unknown."""
    word = value.partition(",")[0]
    if not word.isdigit() or int(word) > 31:
        return None
    return 2 * int(word) - 113


def tries(value: str) -> "int | None":
    """Of `SIM PIN,<left>[,<all>]`."""
    words = value.split(",")
    is_good = len(words) > 1 and words[0].replace('"', "") == "SIM PIN" and words[1].isdigit()
    return int(words[1]) if is_good else None


def card_tries(value: str) -> "int | None":
    """Of `4,"63Cx"`: x are left."""
    at = value.find("63C")
    return int(value[at + 3], 16) if at >= 0 and value[at + 3 : at + 4] in tuple("0123456789ABCDEF") else None


def utc_ms(value: str) -> "int | None":
    """Of `"2026/11/21,04:12:55+32,0"`: of Greenwich, whatever the zone behind it says (Quectel's +QLTS)."""
    digits = value[1:5] + value[6:8] + value[9:11] + value[12:14] + value[15:17] + value[18:20]
    if len(digits) != 14 or not digits.isdigit():
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)  # from March on, as Zeller counts
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719469
    seconds = (int(digits[8:10]) * 60 + int(digits[10:12])) * 60 + int(digits[12:])
    return (days * 86400 + seconds) * 1000
