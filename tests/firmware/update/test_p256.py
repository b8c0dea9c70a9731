"""Signatures against published vectors, against openssl, and where the sum of two points is a special one."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.update.p256 import B, G, N, P, is_signed, point_of
from tests.firmware.signing import plus, signed, times, written

VECTORS = json.loads(Path(__file__).with_name("p256_vectors.json").read_text())
RFC, SAMPLE = (VECTORS[0][name] for name in ("key", "signature"))
ANY = VECTORS[4]["key"]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["source"] for vector in VECTORS])
def test_published_vectors(vector: dict[str, Any]) -> None:
    key, message, signature = (unhex(vector[name]) for name in ("key", "message", "signature"))
    assert is_signed(key, message, signature) == vector["is_good"]
    assert not is_signed(key, message + b".", signature)


def test_no_special_value_of_r_and_s_is_a_signature() -> None:
    """Wycheproof, 10 to 57: whatever would make a careless judge compute with 0."""
    values = (0, 1, N - 1, N, N + 1, P, P + 1, 2**256 - 1)
    for r in values:
        for s in values:
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            assert not is_signed(unhex(ANY), b"123400", signature), (r, s)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        unhex(RFC)[:-1],
        unhex(RFC) + b"\x00",
        b"\x02" + unhex(RFC)[1:33],  # compressed
        b"\x06" + unhex(RFC)[1:],
        unhex(RFC)[:-1] + b"\x98",  # beside the curve
        b"\x04" + bytes(64),
        b"\x04" + P.to_bytes(32, "big") + pow(B, (P + 1) // 4, P).to_bytes(32, "big"),  # x = 0, written as P
        b"\x00",  # infinity in SEC 1
    ],
)
def test_what_is_no_key_signs_nothing(key: bytes) -> None:
    assert point_of(key) is None
    assert not is_signed(key, b"sample", unhex(SAMPLE))


@settings(max_examples=30)  # 30 ms each
@given(st.integers(1, N - 1), st.binary(max_size=100), st.integers(1, N - 1), st.integers(0, 511))
def test_what_was_signed_is_signed_and_with_a_bit_changed_it_is_not(
    secret: int, data: bytes, nonce: int, bit: int
) -> None:
    key = written(times(secret, G))
    signature = signed(data, secret, nonce)
    assert is_signed(key, data, signature)
    other = bytearray(signature)
    other[bit // 8] ^= 1 << bit % 8
    assert not is_signed(key, data, bytes(other))
    assert not is_signed(key, data + b"\x00", signature)


@pytest.mark.parametrize("secret", [1, 2, 3, N - 1, N - 2, (N + 1) // 2])
def test_a_key_beside_the_generator_is_a_key_like_any(secret: int) -> None:
    """G + Q is 2 G, nowhere, G: the cases that an addition has of its own."""
    key = written(times(secret, G))
    for nonce in (1, 2, 3, N - 1, 12345):
        assert is_signed(key, b"data", signed(b"data", secret, nonce)), nonce


def test_an_x_above_the_order_is_still_the_same_r() -> None:
    """A point's x lies between N and P once in 2¹²⁸ times: r is x - N then."""
    x = N
    while pow(x**3 - 3 * x + B, (P - 1) // 2, P) != 1:
        x += 1
    found = (x, pow(x**3 - 3 * x + B, (P + 1) // 4, P))
    r, s = x - N, 7
    digest = int.from_bytes(hashlib.sha256(b"data").digest(), "big")
    right = plus(times(s, found), times(N - digest % N, G))  # of s R = digest G + r Q the key Q
    assert right is not None
    key = written(times(pow(r, -1, N), right))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert is_signed(key, b"data", signature)
    assert not is_signed(key, b"data", (r + 1).to_bytes(32, "big") + signature[32:])


def test_what_openssl_signs_is_signed(tmp_path: Path) -> None:
    """As an operator makes a key and signs with it."""

    def run(*arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True).stdout

    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "secret.pem")
    key = run("ec", "-in", "secret.pem", "-pubout", "-outform", "DER")[-65:]
    (tmp_path / "data").write_bytes(b"whatever it is")
    der = run("dgst", "-sha256", "-sign", "secret.pem", "data")
    r_bytes = der[3]
    numbers = (der[4 : 4 + r_bytes], der[6 + r_bytes :])
    signature = b"".join(int.from_bytes(one, "big").to_bytes(32, "big") for one in numbers)
    assert is_signed(key, b"whatever it is", signature)
    assert not is_signed(key, b"whatever it was", signature)
