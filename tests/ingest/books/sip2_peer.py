"""A library with a SIP2 server, as a process: from the protocol's text (3M SIP2 2.00), not from our client.

    python -m tests.ingest.books.sip2_peer --state library.json [--encoding gbk] [--fault 11:silent]

It prints the port it listens on. The library is a JSON file of readers and copies, written anew after each
change, so that tests can look at it, and so that a killed server forgets nothing. A fault befalls one answer
to a request of that code (`all`: every answer): `silent` says nothing but a line feed, which is none, and
prints so, that nobody has to sit it out; `garbled` breaks the checksum, `cut` ends the line early, `unread`
pretends not to have read the request, `hangup` ends the connection after the deed.
"""

from __future__ import annotations

import argparse
import json
import socketserver
from pathlib import Path
from typing import Any

STAMP = "20261121    080000"


def seal(text: str, number: str | None, encoding: str) -> bytes:
    """Text with number and checksum: the sum of all bytes and the checksum is 0 modulo 65536."""
    if number is not None:
        text += f"AY{number}"
    data = (text + "AZ").encode(encoding)
    total = 0
    for byte in data:
        total = (total + byte) % 65536
    return data + b"%04X\r" % ((65536 - total) % 65536)


def opened(line: bytes, encoding: str) -> tuple[str, str | None] | None:
    """The text and number of a line; None for one whose checksum is wrong."""
    if len(line) < 8 or line[-6:-4] != b"AZ":
        return None
    if (sum(line[:-4]) + int(line[-4:], 16)) % 65536:
        return None
    text = line[:-6].decode(encoding)
    return (text[:-3], text[-1]) if text[-3:-1] == "AY" else (text, None)


def fields(text: str) -> dict[str, str]:
    return {part[:2]: part[2:] for part in text.split("|") if part}


class Library:
    """readers: card -> {blocked}; copies: barcode -> {title, on_loan_to, due, status}."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.state: dict[str, Any] = json.loads(path.read_text())

    def _keep(self, what: str, **facts: str) -> None:
        self.state.setdefault("journal", []).append({"what": what, **facts})
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(self.state, ensure_ascii=False))
        beside.replace(self._path)

    def answer(self, text: str) -> str:
        return getattr(self, f"on_{text[:2]}")(text)

    def on_93(self, text: str) -> str:
        said = fields(text[4:])
        return f"94{int(said.get('CN') == 'ortoo' and said.get('CO') == 'secret')}"

    def on_99(self, _: str) -> str:
        return f"98YYYYNY{self.state.get('timeout', '600')}003{STAMP}2.00AOnmg|AM旗图书馆|BXYYYYYYYYYYYYYYYY|"

    def on_17(self, text: str) -> str:
        barcode = fields(text[20:])["AB"]
        copy = self.state["copies"].get(barcode)
        if copy is None:
            return f"18010101{STAMP}AB{barcode}|AJ|"
        status = "04" if copy.get("on_loan_to") else copy.get("status", "03")
        due = f"AH{copy['due']}|" if copy.get("due") else ""
        return f"18{status}0001{STAMP}CF0|{due}AB{barcode}|AJ{copy['title']}|"

    def on_63(self, text: str) -> str:
        card = fields(text[33:])["AA"]
        reader = self.state["readers"].get(card)
        charged = [key for key, copy in self.state["copies"].items() if copy.get("on_loan_to") == card]
        status = ("Y" if reader and reader.get("blocked") else " ") + " " * 13
        counts = f"00000000{len(charged):04}000000000000"
        listed = "".join(f"AU{barcode}|" for barcode in charged)
        words = "AF证件已停用|" if reader and reader.get("blocked") else ""
        return f"64{status}001{STAMP}{counts}AOnmg|AA{card}|AE|BL{'NY'[reader is not None]}|{listed}{words}"

    def on_11(self, text: str) -> str:
        assert text[3] == "Y", "a loan of a vehicle has happened: no block"
        said = fields(text[40:])
        copy, card = self.state["copies"].get(said["AB"]), said["AA"]
        if copy is None or card not in self.state["readers"] or copy.get("on_loan_to") not in {None, card}:
            return f"120NUN{STAMP}AOnmg|AA{card}|AB{said['AB']}|AJ|AH|AF不能借出|"
        copy |= {"on_loan_to": card, "due": text[22:40]}
        self._keep("lend", card=card, copy=said["AB"], at=text[4:22])
        return f"121NUY{STAMP}AOnmg|AA{card}|AB{said['AB']}|AJ{copy['title']}|AH{copy['due']}|"

    def on_29(self, text: str) -> str:
        said = fields(text[40:])
        copy = self.state["copies"][said["AB"]]
        if copy.get("on_loan_to") != said["AA"]:
            return f"300NUN{STAMP}AOnmg|AA{said['AA']}|AB{said['AB']}|AJ|AH|AF没有借出|"
        copy["due"] = text[22:40]
        self._keep("renew", card=said["AA"], copy=said["AB"], at=text[4:22])
        return f"301YUN{STAMP}AOnmg|AA{said['AA']}|AB{said['AB']}|AJ{copy['title']}|AH{copy['due']}|"

    def on_09(self, text: str) -> str:
        barcode = fields(text[39:])["AB"]
        copy = self.state["copies"].get(barcode)
        if copy is None or copy.get("on_loan_to") is None:
            return f"100NUY{STAMP}AOnmg|AB{barcode}|AQ|AF没有借出|"
        copy |= {"on_loan_to": None, "due": ""}
        self._keep("take_back", copy=barcode, at=text[21:39])
        return f"101YUN{STAMP}AOnmg|AB{barcode}|AQ总馆|AJ{copy['title']}|"


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        last_number, last_answer = None, b""
        pending = b""
        while True:
            data = self.request.recv(4096)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\r")
            for line in lines:
                said = opened(line, self.server.encoding)
                if said is None:
                    self.request.sendall(seal("96", None, self.server.encoding))
                    continue
                text, number = said
                if text == "97":
                    self.send(last_answer, self.server.faults.get("all", [None])[0])
                    continue
                fault = self.server.next_fault(text[:2])
                if fault == "unread":
                    self.request.sendall(seal("96", None, self.server.encoding))
                    continue
                if number != last_number or not last_answer:
                    last_number = number
                    last_answer = seal(self.server.library.answer(text), number, self.server.encoding)
                if fault == "hangup":
                    return
                self.send(last_answer, fault)

    def send(self, answer: bytes, fault: str | None) -> None:
        if fault == "garbled":
            answer = answer[:-5] + b"0000\r"
        elif fault == "cut":
            answer = answer[: len(answer) // 2] + b"\r"
        elif fault == "silent":
            print(fault, flush=True)
            answer = b"\n"
        self.request.sendall(answer)


class Server(socketserver.TCPServer):
    allow_reuse_address = True

    def __init__(self, port: int, library: Library, encoding: str, faults: dict[str, list[str]]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.library = library
        self.encoding = encoding
        self.faults = faults

    def next_fault(self, code: str) -> str | None:
        if "all" in self.faults:
            return self.faults["all"][0]
        return self.faults[code].pop(0) if self.faults.get(code) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--fault", action="append", default=[], help="code:what")
    given = parser.parse_args()
    faults: dict[str, list[str]] = {}
    for code, _, what in (one.partition(":") for one in given.fault):
        faults.setdefault(code, []).append(what)
    with Server(given.port, Library(given.state), given.encoding, faults) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
