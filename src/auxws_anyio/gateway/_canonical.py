"""The canonical forms that Signature Version 4 hashes, for S3.

It knows spelling: one canonical form of path, query and headers, made by decoding what came and
encoding it again, so that only what S3 itself would hash is hashed. It must not know which
parameters there are, nor what is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes

ALGORITHM: Final = "AWS4-HMAC-SHA256"
"""The one algorithm that is made and accepted."""

Pairs: TypeAlias = Iterable[tuple[str, str]]
"""Names and values, decoded."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def quote_key(key: str) -> str:
    """An object's key as it stands in a URL's path: all but unreserved characters and ``/``."""
    return quote(key, safe="/-_.~")


def host_header(scheme: str, hostname: str, port: int | None) -> str:
    """The Host header that an HTTP client sends: no default port."""
    host = f"[{hostname}]" if ":" in hostname else hostname
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def decoded_pairs(query: str) -> list[tuple[str, str]]:
    """The parameters of a query, in their order."""
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        if part:
            name, _, value = part.replace("+", " ").partition("=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(text: str) -> str:
    # Octets that are no UTF-8 must come out again as they went in.
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def encode(text: str) -> str:
    """A query's name or value in its canonical spelling."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="-_.~")


def canonical_request(
    method: str, path: str, pairs: Pairs, signed: Iterable[str], headers: Pairs
) -> str:
    """What is hashed: of the headers those in ``signed``, whose names are in lower case."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(" ".join(value.split()))
    names = tuple(signed)
    query = sorted((encode(name), encode(value)) for name, value in pairs)
    return "\n".join(
        (
            method.upper(),
            quote(unquote_to_bytes(path or "/"), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{','.join(values.get(name, ()))}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        )
    )


def string_to_sign(stamp: str, scope: str, canonical: str) -> str:
    """What the signature is made over."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"


def sign(secret: str, scope: str, to_sign: str) -> str:
    """The signature, by a key that is derived for the scope."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
