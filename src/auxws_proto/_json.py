"""JSON as this protocol has it: UTF-8, finite numbers, bounded nesting.

It knows texts and values. It must not know events. Python's codec is asked for exactly what
JavaScript does: no ``NaN``, no guessing of encodings, lone surrogates as escapes.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from ._constants import Violation
from ._errors import RemoteProtocolError


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


write_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=True
).encode
_decode_json = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode
_ALL_BUT_BRACKETS = re.compile(rb'"(?:[^"\\]+|\\.)*"?|[^\[\]{}"]+', re.DOTALL)


def is_too_deep(data: bytes, limit: int) -> bool:
    """Whether arrays and objects in this JSON text nest deeper than `limit`.

    Peels the innermost brackets off, layer by layer: the work is `bytes.replace`, not a loop over
    characters, and most texts have too few brackets to need even that.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    brackets = _ALL_BUT_BRACKETS.sub(b"", data)
    for _ in range(limit):
        if not brackets:
            break
        peeled = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if peeled == brackets:
            # What is left is not balanced: no JSON, and its depth is its longest run of openers.
            return max(map(len, re.findall(rb"[\[{]+", brackets)), default=0) > limit
        brackets = peeled
    return bool(brackets)


def parse_json(data: bytes | str, max_depth: int) -> Any:
    """The JSON value in `data`; raises `RemoteProtocolError`."""
    if isinstance(data, str):
        raw, text = data.encode("utf-8", "surrogatepass"), data
    else:
        raw = data
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError as error:
            raise RemoteProtocolError(
                Violation.INVALID_UTF8, f"not UTF-8 at byte {error.start}"
            ) from None
    if is_too_deep(raw, max_depth):
        raise RemoteProtocolError(
            Violation.TOO_DEEP, f"nested too deeply; the limit is {max_depth} levels"
        )
    try:
        return _decode_json(text)
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} at character {error.pos}"
    except (ValueError, RecursionError):
        # Digits beyond Python's conversion limit, NaN, Infinity, or a float out of range.
        detail = "not JSON: a number is out of range"
    raise RemoteProtocolError(Violation.NOT_JSON, detail)
