"""JSON as this protocol has it: UTF-8, finite numbers, bounded nesting.

It knows texts and values. It must not know events. Python's codec is asked for exactly what
JavaScript does: no ``NaN``, no guessing of encodings, lone surrogates as escapes.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any, Final, NoReturn, Protocol, TypeAlias, cast

from ._constants import Violation
from ._errors import RemoteProtocolError


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=True
)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_scan: Callable[[str, int], tuple[Any, int]] = vars(_DECODER)["scan_once"]
_BRACKET, _BRACE = b"[{"
LEVEL: Final = 2
"""The bytes that a level takes at least: a bracket that opens and one that closes."""

_SEARCHED_FROM: Final = 4_096
_FEW: Final = 16

_ALL_BUT_BRACKETS = re.compile(rb'"(?:[^"\\]+|\\.)*"?|[^\[\]{}"]+', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _encoder_in_c() -> Callable[[Any, int], Iterable[str]] | None:
    """CPython's encoder, made once: `json` makes it anew for each text, which costs as much again.

    It looks for no circles, which end as a `RecursionError`; None where there is no such thing.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return None
    made = make(
        None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
    )
    return cast("Callable[[Any, int], Iterable[str]]", made)


_IN_C = _encoder_in_c()


def write_json(value: object) -> str:
    """The JSON of a value, without spaces; raises what `json` does."""
    if _IN_C is not None:
        try:
            return "".join(_IN_C(value, 0))
        except Exception:
            # Whatever is wrong with it, `json` has the words.
            pass
    return _ENCODER.encode(value)


def is_too_deep(data: bytes | bytearray, limit: int) -> bool:
    """Whether arrays and objects in this JSON text nest deeper than `limit`.

    It never asks for more than the decoder would reach: in what is no JSON, that is the depth of
    the brackets so far. Most texts are too short, or have too few brackets, to need a look.
    """
    if len(data) <= limit * LEVEL or _has_few_brackets(data, limit):
        return False
    if data.count(_BRACKET) + data.count(_BRACE) <= limit:
        return False
    brackets = _ALL_BUT_BRACKETS.sub(b"", data)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > limit


def _has_few_brackets(data: bytes | bytearray, limit: int) -> bool:
    """Whether far fewer than so many arrays and objects begin here; false if it is not certain.

    Where there is little to be found, to search takes a tenth of the time of counting.
    """
    if len(data) < _SEARCHED_FROM:
        return False
    for byte in (_BRACKET, _BRACE):
        at = -1
        for _ in range(min(_FEW, limit // 2)):
            at = data.find(byte, at + 1)
            if at < 0:
                break
        else:
            return False
    return True


Load: TypeAlias = Callable[[bytes], Any]
"""Gives the value of a text that nothing is wrong with, and raises for all others."""


def load_plain(data: bytes) -> Any:
    """The value of a text without spaces around it; raises whatever there is to raise."""
    text = data.decode()
    value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError(end)
    return value


class FastJson(Protocol):
    """Another JSON library, where it does exactly what the standard one does."""

    def write(self, value: object) -> bytes | None:
        """The JSON of a value; None where the standard library shall have its say."""

    def parse(self, data: bytes | bytearray) -> Any:
        """The value; `NOT_THE_SAME` where the standard library shall have its say."""

    def loader(self, texts: list[bytes]) -> Load | None:
        """What gives the value of each of these texts, or raises; None where it cannot be had."""


NOT_THE_SAME: Final = object()


def parse_json(data: bytes | bytearray | str, max_depth: int, fast: FastJson | None = None) -> Any:
    """The JSON value in `data`; raises `RemoteProtocolError`. A `bytearray` is emptied on the way.

    A text can be as large as the value that is made of it: with its bytes they would be three.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    too_deep = is_too_deep(raw, max_depth)
    if fast is not None and not too_deep:
        value = fast.parse(raw)
        if value is not NOT_THE_SAME:
            return value
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(
            Violation.INVALID_UTF8, f"not UTF-8 at byte {error.start}"
        ) from None
    if too_deep:
        raise RemoteProtocolError(
            Violation.TOO_DEEP, f"nested too deeply; the limit is {max_depth} levels"
        )
    if isinstance(raw, bytearray):
        # Somebody's view of it is no reason to fail.
        with contextlib.suppress(BufferError):
            raw.clear()
    try:
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            value, end = None, -1
        # Where there are spaces around it, or something is wrong, `json` has its say.
        return value if end == len(text) else _DECODER.decode(text)
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} at character {error.pos}"
    except (ValueError, RecursionError):
        # Digits beyond Python's conversion limit, NaN, Infinity, a float out of range; or the
        # caller has left no stack for nesting that is within the limit.
        detail = "not JSON: a number is out of range"
    raise RemoteProtocolError(Violation.NOT_JSON, detail)
