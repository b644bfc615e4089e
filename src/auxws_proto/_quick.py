"""Frozen dataclasses made at the price of mutable ones, for the few that each message needs.

A frozen dataclass sets each field through `object.__setattr__`, which takes three times as long as
an assignment; at 100 bytes a message that is a fifth of all its costs. It knows how to make one. It
must not know which: whoever makes thousands asks here, everybody else calls the class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def quick(cls: Callable[P, T]) -> Callable[P, T]:
    """A maker of `cls`, a frozen, slotted, keyword-only dataclass: same arguments, same object.

    It is a mutable twin with the same slots, whose ``__init__`` (generated, as dataclasses generate
    theirs) ends by making the instance one of `cls`. Where a Python implementation does not allow
    that, it is `cls` itself.
    """
    items = fields(cast("type[Any]", cls))
    assert all(item.default_factory is MISSING for item in items)
    names = [item.name for item in items]
    known = {"_made": cls, **{f"_{item.name}": item.default for item in items}}
    parameters = [
        item.name if item.default is MISSING else f"{item.name}=_{item.name}" for item in items
    ]
    lines = [f"def __init__(self, *, {', '.join(parameters)}):"]
    lines += [f"    self.{name} = {name}" for name in names]
    exec("\n".join([*lines, "    self.__class__ = _made"]), known)
    twin = type(f"_{cls}", (), {"__slots__": names, "__init__": known["__init__"]})
    try:
        twin(**dict.fromkeys(names))
    except TypeError:
        return cls
    return cast("Callable[P, T]", twin)
