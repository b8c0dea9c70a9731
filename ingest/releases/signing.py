"""The operator's key: an ECDSA pair on P-256, made and used by openssl on the operator's machine.

The private key never passes through this program, nor does it belong on a server.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from firmware.update import p256

if TYPE_CHECKING:
    from pathlib import Path

_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")  # before the point; RFC 5480
_VARIABLE = "ORTOO_PASSPHRASE"  # by which openssl is told it


class CannotMake(RuntimeError):
    """No key, signature or release was made; the text says why, and what helps."""


class Signer:
    """A private key on P-256 in PEM, with or without a passphrase."""

    def __init__(self, path: Path) -> None:
        """Asks for the passphrase at the terminal when there is one; raises CannotMake."""
        try:
            is_encrypted = "ENCRYPTED" in path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotMake(f"{path}: no key can be read there: make one with --new-key FILE") from error
        self._path = path
        self._env = {
            **os.environ,
            _VARIABLE: getpass.getpass(f"passphrase of {path}: ") if is_encrypted else "",
        }
        self.public = public_of(path, self._env)

    def signed(self, text: bytes) -> bytes:
        """r | s over SHA-256 of the text."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            signing = ("dgst", "-sha256", "-sign", str(self._path), "-passin", f"env:{_VARIABLE}", file.name)
            der = openssl(signing, self._env, f"{self._path}: it cannot sign")
        signature = raw_signature(der)
        if not p256.is_signed(self.public, text, signature):
            raise CannotMake(f"{self._path}: what openssl signed does not hold")
        return signature


def public_of(path: Path, env: dict[str, str]) -> bytes:
    """The point of a private key, 65 bytes; CannotMake for one on another curve."""
    asked = ("pkey", "-in", str(path), "-pubout", "-outform", "DER", "-passin", f"env:{_VARIABLE}")
    whole = openssl(asked, env, f"{path}: cannot be opened; is the passphrase right?")
    if whole[: -p256.KEY_BYTES] != _SPKI:
        raise CannotMake(f"{path}: its curve is not P-256: nodes check no other")
    return whole[-p256.KEY_BYTES :]


def openssl(arguments: tuple[str, ...], env: dict[str, str], complaint: str) -> bytes:
    """What openssl writes; CannotMake with the complaint and its first line when it fails."""
    try:
        done = subprocess.run(["openssl", *arguments], env=env, capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise CannotMake("openssl is not on this machine: install it") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotMake(f"{complaint} ({lines[0] if lines else done.returncode})")
    return done.stdout


def raw_signature(der: bytes) -> bytes:
    """r | s of a DER signature (SEQUENCE of two INTEGERs, RFC 3279 section 2.2.3)."""
    r_end = 4 + der[3]
    return b"".join(
        int.from_bytes(number, "big").to_bytes(32, "big")
        for number in (der[4:r_end], der[r_end + 2 : r_end + 2 + der[r_end + 1]])
    )


def make_key(path: Path) -> Path:
    """A new pair: the private key at `path`, readable by its owner alone; the public one beside it."""
    if path.exists():
        raise CannotMake(f"{path} is there already: nodes that know it would never believe another")
    phrase = getpass.getpass("passphrase (empty for none): ")
    env = {**os.environ, _VARIABLE: phrase}
    hidden = ("-aes-256-cbc", "-pass", f"env:{_VARIABLE}") if phrase else ()
    curve = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    private = openssl((*curve, *hidden), env, "openssl makes no key")
    path.touch(mode=0o600)
    path.write_bytes(private)
    public = path.with_name(path.name + ".pub")
    public.write_bytes(public_of(path, env))
    return public
