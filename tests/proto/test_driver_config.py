"""`_driver_config`: what drivers add, and what they leave as it was chosen."""

from __future__ import annotations

import pytest

from auxws_proto import Config
from auxws_proto._driver_config import driver_config
from auxws_proto._speed import fast_json


def made(config: Config | None = None, *, answers_logins: bool = False) -> Config:
    return driver_config(
        config,
        answers_logins=answers_logins,
        random=lambda: 0.25,
        entropy=lambda size: b"k" * size,
        process=lambda: 1,
    )


def test_chance_and_the_extra_are_added() -> None:
    config = made()

    assert config.random() == 0.25
    assert config.mask_keys is not None
    assert config.mask_keys(4) == b"kkkk"
    assert config.json is fast_json()
    assert made(Config(speed=False)).json is None


def test_what_was_chosen_stays() -> None:
    chosen = Config(random=lambda: 0.75, mask_keys=lambda size: b"m" * size)

    config = made(chosen)

    assert config.random() == 0.75
    assert config.mask_keys is chosen.mask_keys


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("answers", [False, True])
def test_a_login_is_asked_for_if_anybody_wants_it(chosen: bool, answers: bool) -> None:
    config = made(Config(ask_for_login=chosen), answers_logins=answers)

    assert config.ask_for_login == (chosen or answers)
