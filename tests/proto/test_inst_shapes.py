"""Settings, batches and errors of insts. Own tests of `_inst_shapes`."""

from __future__ import annotations

import pytest

from auxws_proto import LocalProtocolError
from auxws_proto._inst_shapes import (
    ActionFailed,
    InstConfig,
    InstUpdates,
    UpdatesRefused,
    UpdatesUnacknowledged,
    WatchFailed,
)


def test_settings_have_bounds() -> None:
    with pytest.raises(LocalProtocolError, match=r"InstConfig.repeats is 0; it must be over 0"):
        InstConfig(repeats=0)


def test_the_size_of_a_batch() -> None:
    assert InstUpdates(updates=("ab", "c")).size == 3


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (WatchFailed("not_authorized", "no", {}), "not_authorized: no"),
        (WatchFailed(None, "nothing came", {}), "nothing came"),
        (
            UpdatesRefused("max_size_reached", 1000, 2000),
            "max_size_reached: the branch would have 2,000 bytes; the limit is 1,000",
        ),
        (UpdatesRefused("inst_not_found", None, None), "inst_not_found"),
        (UpdatesUnacknowledged(3), "the updates were sent 3 times and never acknowledged"),
        (ActionFailed({"a": 1}, None), "the device answered with an error: {'a': 1}"),
    ],
)
def test_errors_say_what_happened(error: Exception, text: str) -> None:
    assert str(error) == text


def test_the_defaults_are_within_their_bounds() -> None:
    assert InstConfig().repeat_after == 5.0
