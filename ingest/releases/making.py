"""Makes a release of firmware on the operator's machine: compiled files -> manifest -> signature -> one file.

The same files give the same manifest, byte for byte; only the signature differs, since ECDSA draws a number.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from firmware.update import manifest
from firmware.update.version import NAME, VERSION
from ingest.releases.signing import CannotMake, Signer, make_key

BOARDS = ("esp32-s3", "pico-2-w")
MPY = 6  # of the bytecode that mpy-cross 1.23 and later write
SUFFIX = ".release"


def manifest_of(
    folder: Path, version: str, number: int, boards: tuple[str, ...] = BOARDS, keys: tuple[bytes, ...] = ()
) -> bytes:
    """The manifest of all files below `folder`, without its signature; `keys` count once it runs."""
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.mpy")}
    files = [[name, len(data), manifest.digest_of(data).hex()] for name, data in sorted(contents.items())]
    values = {"v": 1, "name": NAME, "version": version, "number": number, "mpy": MPY, "boards": boards}
    named = {"keys": [key.hex() for key in keys]} if keys else {}
    return json.dumps({**values, **named, "files": files}, separators=(",", ":")).encode()


def head_of(text: bytes, signature: bytes) -> bytes:
    """Manifest and signature as they travel."""
    return text + b"\n" + signature.hex().encode() + b"\n"


def release_of(folder: Path, head: bytes) -> bytes:
    """The whole release file; CannotMake when its manifest is not what nodes would take."""
    try:
        found = manifest.parsed(head)
    except manifest.ManifestError as error:
        raise CannotMake(f"these files make no release: {error}") from None
    return head + b"".join((folder / path).read_bytes() for path, _, _ in found.files)


def next_number(folder: Path, given: int | None) -> int:
    """One more than the highest of the releases in a folder; CannotMake when a given one is not above it."""
    last = max((_number_of(path) for path in folder.glob(f"*{SUFFIX}")), default=0)
    if given is not None and given <= last:
        raise CannotMake(f"number {given} is not above {last}, the last one in {folder}: nodes take no older")
    return last + 1 if given is None else given


def _number_of(path: Path) -> int:
    with path.open("rb") as file:
        start = file.read(manifest.MAX_HEAD_BYTES)
    cut = start.find(b"\n", start.find(b"\n") + 1) + 1
    try:
        return manifest.parsed(start[:cut]).number
    except manifest.ManifestError as error:
        raise CannotMake(f"{path} is no release ({error}): move it away, or give --number") from None


def keys_in(paths: list[Path]) -> tuple[bytes, ...]:
    """The public keys of these files; CannotMake for one that is none."""
    found = []
    for path in paths:
        try:
            found += manifest.keys_of(path.read_bytes())
        except (OSError, manifest.ManifestError):
            raise CannotMake(f"{path}: no public key; take the file that ends in .pub") from None
    if len(found) > manifest.MAX_KEYS or len(set(found)) < len(found):
        raise CannotMake(f"--keys names {len(found)}: at most {manifest.MAX_KEYS}, each once")
    return tuple(found)


def make(folder: Path, key: Path | None, out: Path, number: int | None, keys: tuple[bytes, ...] = ()) -> Path:
    """Sign what is compiled below `folder` and write it into `out`."""
    if key is None:
        raise CannotMake("no key: --key FILE, or make one with --new-key FILE")
    target = out / f"{NAME}-{VERSION}{SUFFIX}"
    if target.exists():
        raise CannotMake(f"{target} is there already: raise VERSION in firmware/update/version.py")
    text = manifest_of(folder, VERSION, next_number(out, number), keys=keys)
    signer = Signer(key)
    whole = release_of(folder, head_of(text, signer.signed(text)))
    out.mkdir(parents=True, exist_ok=True)
    target.write_bytes(whole)
    return target


def main() -> int:
    """`./dev release` compiles and calls this."""
    parser = argparse.ArgumentParser(prog="./dev release", description=__doc__)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--key", type=Path, help="the operator's private key, in PEM")
    parser.add_argument("--new-key", type=Path, metavar="FILE", help="make a pair: FILE and FILE.pub")
    parser.add_argument(
        "--keys",
        type=Path,
        nargs="+",
        default=[],
        metavar="PUB",
        help="all public keys that count from this release on; without it those that there are",
    )
    parser.add_argument("--number", type=int, help="else one more than the last in --out")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where releases are kept")
    given = parser.parse_args()
    try:
        say = sys.stdout.write
        if given.new_key is not None:
            public = make_key(given.new_key)
            say(f"{given.new_key}: keep it off every server and board, with a copy in a safe place\n")
            say(f"{public}: what nodes (./dev flash --update-key), Pis and the service are to know\n")
            return 0
        target = make(given.folder, given.key, given.out, given.number, keys_in(given.keys))
        say(f"{target}: number {_number_of(target)}, {target.stat().st_size:,} bytes\n")
        return 0
    except CannotMake as error:
        sys.stderr.write(f"dev: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
