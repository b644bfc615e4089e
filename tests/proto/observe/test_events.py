"""Events are values: frozen, slotted, with a time and a client, in one closed union."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from auxws_proto import observe
from auxws_proto.observe import Observed, ObserverEvent, TransferFinished

KINDS: tuple[Any, ...] = get_args(ObserverEvent)


def finished(**outcome: Any) -> TransferFinished:
    return TransferFinished(
        at=1.0, client="c", transfer=1, direction="upload", attempt=1, elapsed=0.5, **outcome
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_is_a_documented_public_value(kind: Any) -> None:
    assert issubclass(kind, Observed)
    assert vars(kind)["__dataclass_params__"].frozen
    assert "__slots__" in vars(kind)
    assert kind.__doc__
    assert getattr(observe, kind.__name__) is kind
    assert kind.__name__ in observe.__all__


def test_the_union_is_closed() -> None:
    exported = {getattr(observe, name) for name in observe.__all__}
    events = {
        kind
        for kind in exported
        if isinstance(kind, type) and issubclass(kind, Observed) and kind is not Observed
    }

    assert events == set(KINDS)


@pytest.mark.parametrize(
    ("outcome", "succeeded"),
    [
        ({"status": 200}, True),
        ({"status": 204}, True),
        ({"status": 307}, False),
        ({"status": 199}, False),
        ({"failure": "timeout"}, False),
    ],
)
def test_a_transfer_has_succeeded_with_a_2xx(outcome: dict[str, Any], succeeded: bool) -> None:
    assert finished(**outcome).succeeded is succeeded
