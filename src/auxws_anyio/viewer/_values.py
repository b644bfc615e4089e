"""How a trace writes payloads and errors, and what of them can be shown.

It knows the spellings of ``docs/traces.md``. It must not know what the values are for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ._events import message_type


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload as far as the trace has it. ``size`` is that of the whole, in bytes."""

    text: str = ""
    size: int = 0
    whole: int | None = None
    """The same, where ``text`` is only a part of it."""
    type: str = ""


def payload_of(value: object) -> Payload:
    """What a trace says of a payload: bytes, a message, or only their number."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Payload(size=value)
    if not is_object(value):
        return Payload()
    if value.get("$") == "Encoded":
        return payload_of(value.get("body"))
    if value.get("$") == "dict":
        return _of_text(_json(value.get("items")))
    if isinstance(text := value.get("$u"), str):
        return _of_text(text)
    if isinstance(text := value.get("$b"), str):
        return Payload(text, len(text) * 3 // 4 - text.count("="))
    if isinstance(size := value.get("$e"), int):
        text = _json(value["json"]) if "json" in value else str(value.get("head", ""))
        return Payload(text, size, size, message_type(text))
    return _of_text(_json(value))


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_text(text: str) -> Payload:
    size = len(text.encode("utf-8", "backslashreplace"))
    return Payload(text, size, None, message_type(text))


def number_of(value: object) -> float | None:
    """A number that can be written in JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def reason_of(value: object) -> str:
    """Why something failed, as a word if there is one."""
    if is_object(value) and isinstance(reason := value.get("reason"), str):
        return reason
    return error_text(value)


def error_text(value: object) -> str:
    """What went wrong, in a few words."""
    if value is None:
        return ""
    if not is_object(value):
        return str(value)
    if "kind" in value and "text" not in value:
        status, detail = value.get("status"), str(value.get("detail") or "")
        known = "" if status is None or str(status) in detail else str(status)
        return " ".join(word for word in (str(value["kind"]), known, detail) if word)
    for name in ("text", "errorCode", "$"):
        if value.get(name):
            return str(value[name])
    return _json(value)
