"""The two drivers have one face: the same names, parameters and defaults.

What differs is written down here, each difference with its reason, and nothing else may.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

import auxws_anyio
import auxws_anyio.yjs
import auxws_sync
import auxws_sync.yjs

RENAMED = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
}
"""What Python, or anyio, calls otherwise in asynchronous code."""

ONLY_SYNC = {
    ("", "Cancellation"): "a thread cannot be cancelled from outside: what blocks is told",
    ("Subscription", "receive"): "a timeout for one item; a task uses a cancel scope",
    ("Devices", "receive"): "it is a subscription",
}
"""Names of the blocking driver alone: (class, name) and why."""

ONLY_ANYIO = {
    ("", "ByteStream"): "a socket is the blocking counterpart",
}
"""Names of the asynchronous driver alone."""

MORE_PARAMETERS = {
    ("AuxClient", "close"): ["timeout"],
    ("AuxClient", "send"): ["timeout"],
    ("HttpTransport", "transfer"): ["cancellation"],
    ("HttpClient", "transfer"): ["cancellation"],
    ("Connector", "__call__"): ["timeout"],
}
"""Parameters that a task gives by a cancel scope, and a thread needs to be told."""

OTHER_TYPES = {
    ("AuxClient", "__init__"): {"url", "login", "headers"},
    ("", "connect"): {"url", "login", "headers"},
    ("Connector", "__call__"): {"return"},
}
"""Callables may be asynchronous in one driver only; a socket is no byte stream."""

CLASSES = [
    "AuxClient", "Connector", "Devices", "HttpClient", "HttpStream", "HttpTransport", "Inst",
    "Receipt", "Subscription",
]  # fmt: skip


def public_names(owner: type) -> set[str]:
    """What a class offers, special methods of iteration and context included."""
    special = set(RENAMED) | set(RENAMED.values()) | {"__init__", "__call__"}
    return {
        name
        for cls in owner.__mro__
        if cls.__module__.startswith("auxws_")
        for name in vars(cls)
        if not name.startswith("_") or name in special
    }


class Parameter(NamedTuple):
    name: str
    kind: Any
    default: Any
    annotation: str


def parameters(member: Any) -> list[Parameter]:
    """A callable's parameters and what it returns, as text that both drivers would write alike."""
    function: Any = member.fget if isinstance(member, property) else member
    signature = inspect.signature(function)
    found = [
        Parameter(p.name, p.kind, p.default, str(p.annotation))
        for p in signature.parameters.values()
    ]
    returned = re.sub(r"\bAsync(Iterator|Generator)\b", r"\1", str(signature.return_annotation))
    return [*found, Parameter("return", None, None, returned)]


def differences(owner: str, name: str, theirs: Any, ours: Any) -> Sequence[object]:
    """What is not the same in two members, and is not in the tables above."""
    more = MORE_PARAMETERS.get((owner, name), [])
    other = OTHER_TYPES.get((owner, name), set())
    left = parameters(theirs)
    right = [p for p in parameters(ours) if p.name not in more]
    loose: Callable[[Parameter], Parameter] = lambda p: (  # noqa: E731
        p._replace(annotation="") if p.name in other else p
    )
    return [(a, b) for a, b in zip(left, right, strict=False) if loose(a) != loose(b)] + [
        extra for extra in (left[len(right) :], right[len(left) :]) if extra
    ]


def test_the_modules_offer_the_same_names() -> None:
    theirs, ours = set(auxws_anyio.__all__), set(auxws_sync.__all__)

    assert ours - theirs == {name for owner, name in ONLY_SYNC if not owner}
    assert theirs - ours <= {name for owner, name in ONLY_ANYIO if not owner}


@pytest.mark.parametrize("owner", CLASSES)
def test_a_class_offers_the_same_names(owner: str) -> None:
    theirs = {RENAMED.get(n, n) for n in public_names(getattr(auxws_anyio, owner))}
    ours = public_names(getattr(auxws_sync, owner))

    assert ours - theirs == {name for cls, name in ONLY_SYNC if cls == owner}
    assert theirs - ours == {name for cls, name in ONLY_ANYIO if cls == owner}


_MADE_BY_DRIVERS = {("Receipt", "__init__"), ("Subscription", "__init__"), ("Devices", "__init__")}


def members() -> list[tuple[str, str]]:
    found = [
        (owner, name)
        for owner in CLASSES
        for name in sorted(public_names(getattr(auxws_anyio, owner)))
        # Made by the drivers only, each in its own way.
        if (owner, name) not in _MADE_BY_DRIVERS
        # A protocol's constructor is not its own.
        and not (owner in {"Connector", "HttpTransport"} and name == "__init__")
    ]
    return [*found, ("", "connect")]


@pytest.mark.parametrize(("owner", "name"), members(), ids=lambda part: part or "module")
def test_a_name_has_the_same_parameters_and_defaults(owner: str, name: str) -> None:
    theirs: Any = getattr(auxws_anyio, owner) if owner else auxws_anyio
    ours: Any = getattr(auxws_sync, owner) if owner else auxws_sync
    left, right = getattr(theirs, name), getattr(ours, RENAMED.get(name, name))

    assert isinstance(left, property) == isinstance(right, property)
    assert differences(owner, RENAMED.get(name, name), left, right) == []


@pytest.mark.parametrize(("owner", "name"), members(), ids=lambda part: part or "module")
def test_a_name_is_documented_in_both(owner: str, name: str) -> None:
    if name.startswith("__") or owner == "HttpTransport":
        # A protocol is documented as a whole, and Python documents its own names.
        owner, name = owner or "AuxClient", ""
    theirs: Any = getattr(auxws_anyio, owner) if owner else auxws_anyio
    ours: Any = getattr(auxws_sync, owner) if owner else auxws_sync
    left = getattr(theirs, name) if name else theirs
    right = getattr(ours, RENAMED.get(name, name)) if name else ours

    assert left.__doc__
    assert right.__doc__


@pytest.mark.parametrize(("owner", "name"), [*MORE_PARAMETERS, *OTHER_TYPES], ids=str)
def test_the_tables_of_differences_name_what_there_is(owner: str, name: str) -> None:
    ours: Any = getattr(auxws_sync, owner) if owner else auxws_sync
    names = {parameter.name for parameter in parameters(getattr(ours, name))}

    assert names >= set(MORE_PARAMETERS.get((owner, name), []))
    assert names >= OTHER_TYPES.get((owner, name), set())


def test_shared_documents_are_the_same() -> None:
    left, right = auxws_anyio.yjs.SharedDoc, auxws_sync.yjs.SharedDoc
    names = public_names(right)

    assert auxws_anyio.yjs.__all__ == auxws_sync.yjs.__all__
    assert {RENAMED.get(name, name) for name in public_names(left)} == names
    for name in names - set(RENAMED.values()):
        theirs, ours = getattr(left, name), getattr(right, name)
        assert differences("SharedDoc", name, theirs, ours) == []
        assert name == "__init__" or (theirs.__doc__ and ours.__doc__)
