"""JSON as this protocol has it: UTF-8, finite numbers, bounded nesting.

It knows texts and values. It must not know events. Python's codec is asked for exactly what
JavaScript does: no ``NaN``, no guessing of encodings, lone surrogates as escapes.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from itertools import accumulate
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
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def is_too_deep(data: bytes | bytearray, limit: int) -> bool:
    """Whether arrays and objects in this JSON text nest deeper than `limit`.

    It never asks for more than the decoder would reach: in what is no JSON, that is the depth of
    the brackets so far. Most texts have too few brackets to need a look.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    brackets = _ALL_BUT_BRACKETS.sub(b"", data)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > limit


def parse_json(data: bytes | bytearray | str, max_depth: int) -> Any:
    """The JSON value in `data`; raises `RemoteProtocolError`. A `bytearray` is emptied on the way.

    A text can be as large as the value that is made of it: with its bytes they would be three.
    """
    raw: bytes | bytearray
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
    if isinstance(raw, bytearray):
        # Somebody's view of it is no reason to fail.
        with contextlib.suppress(BufferError):
            raw.clear()
    try:
        return _decode_json(text)
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} at character {error.pos}"
    except (ValueError, RecursionError):
        # Digits beyond Python's conversion limit, NaN, Infinity, a float out of range; or the
        # caller has left no stack for nesting that is within the limit.
        detail = "not JSON: a number is out of range"
    raise RemoteProtocolError(Violation.NOT_JSON, detail)
