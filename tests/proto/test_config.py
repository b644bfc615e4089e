"""Settings: the defaults that the design promises, and every bound at its edge."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from auxws_proto import Config, LocalProtocolError, Reconnect, UrlPolicy


def test_the_defaults_of_the_design() -> None:
    config = Config()

    assert (config.inline_limit, config.fragment_limit, config.offload) == (32_000, 0, "auto")
    assert (config.max_message_size, config.max_download_size) == (1024**2, 64 * 1024**2)
    assert (config.ordering, config.confirm, config.barrier) == ("strict", True, "ping")
    assert (config.resend_unknown, config.close_on_violation) == (False, False)
    assert config.write_ahead == 256 * 1024
    assert config.rotate_overlap == 2.0
    assert config.reconnect == Reconnect(final_statuses=frozenset({401, 403}))
    assert config.url_policy == UrlPolicy()
    assert config.random() == config.random() == 0.5


AT_LEAST: list[tuple[str, float, float]] = [
    ("inline_limit", 256, 255),
    ("fragment_limit", 0, -1),
    ("max_message_size", 1, 0),
    ("max_frame_size", 1, 0),
    ("max_download_size", 1, 0),
    ("max_response_headers", 1, 0),
    ("max_error_body", 0, -1),
    ("max_json_depth", 2, 1),
    ("max_outbox_messages", 1, 0),
    ("max_outbox_bytes", 1, 0),
    ("write_ahead", 1, 0),
    ("max_uploads", 1, 0),
    ("upload_attempts", 1, 0),
    ("upload_urls_ahead", 0, -1),
    ("max_downloads", 1, 0),
    ("download_attempts", 1, 0),
    ("max_held", 1, 0),
    ("read_ahead", 1, 0),
    ("transfer_backoff", 0, -0.001),
    ("rotate_overlap", 0, -0.001),
    ("close_timeout", 0, -0.001),
    ("max_age_jitter", 0, -0.001),
]
OVER_0 = [
    "connect_timeout", "login_timeout", "upload_url_timeout", "upload_url_lifetime",
    "transfer_timeout", "ping_timeout", "keepalive_interval", "ping_interval", "max_age",
]  # fmt: skip
AT_MOST: list[tuple[str, float, float]] = [
    ("fragment_limit", 131_072, 131_073),
    ("max_json_depth", 500, 501),
    ("upload_urls_ahead", 4, 5),
    ("max_age_jitter", 0.999, 1),
]
EDGES = [*AT_LEAST, *((name, 0.001, 0) for name in OVER_0), *AT_MOST]


@pytest.mark.parametrize(("name", "good", "bad"), EDGES)
def test_every_bound_at_its_edge(name: str, good: float, bad: float) -> None:
    settings: Any = {name: good}
    assert getattr(Config(**settings), name) == good

    settings = {name: bad}
    with pytest.raises(LocalProtocolError, match=rf"Config\.{name} is {bad}; it must be "):
        Config(**settings)


@pytest.mark.parametrize(
    "name", [name for name, _, bad in EDGES if name not in ("max_frame_size",)]
)
def test_a_figure_that_is_no_number_is_in_no_range(name: str) -> None:
    settings: Any = {name: math.nan}

    with pytest.raises(LocalProtocolError, match=name):
        Config(**settings)


@pytest.mark.parametrize("name", ["ping_interval", "max_age", "max_frame_size", "reconnect"])
def test_none_turns_off(name: str) -> None:
    settings: Any = {name: None}

    assert getattr(Config(**settings), name) is None


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("offload", ["auto", "always", "never"]),
        ("ordering", ["strict", "relaxed"]),
        ("barrier", ["ping", "message", None]),
        ("overflow", ["wait", "raise"]),
        ("offline", ["queue", "wait", "raise"]),
    ],
)
def test_every_choice_and_no_other(name: str, allowed: list[object]) -> None:
    for choice in allowed:
        settings: Any = {name: choice}
        assert getattr(Config(**settings), name) == choice

    settings = {name: "other"}
    with pytest.raises(LocalProtocolError, match=f"{name} is 'other'; it must be one of"):
        Config(**settings)


def test_confirming_by_ping_needs_a_library_that_can_ping() -> None:
    with pytest.raises(LocalProtocolError, match="barrier = 'message'"):
        Config(can_ping=False)

    assert Config(can_ping=False, barrier="message").confirm
    assert not Config(can_ping=False, confirm=False).confirm


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"base": 0}, "base is 0; it must be over 0 s"),
        ({"base": math.nan}, "base is nan"),
        ({"base": 2.0, "cap": 1.9}, "cap is 1.9; it must be at least base"),
        ({"reset_after": -1}, "reset_after is -1"),
        ({"max_attempts": 0}, "max_attempts is 0; it must be at least 1, or None"),
        ({"first_attempts": 0}, "first_attempts is 0; it must be at least 1, or None"),
    ],
)
def test_bounds_of_reconnecting(settings: Any, words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        Reconnect(**settings)

    Reconnect(base=2.0, cap=2.0, reset_after=0, max_attempts=1, first_attempts=1)


def test_settings_are_values() -> None:
    config = Config(inline_limit=256, url_policy=UrlPolicy(allow_ports=(9000,)))

    copies = copy.deepcopy(config), pickle.loads(pickle.dumps(config))

    assert copies == (config, config)
    assert config != Config()
