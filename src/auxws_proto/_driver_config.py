"""What a driver adds to a user's settings: chance, the extra ``speed``, and that it answers logins.

It knows which settings the core must be given. It must not know where chance comes from, since the
core draws none itself: without it all clients would act in step, and their masks be known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ._config import Config
from ._mask_keys import MaskKeys
from ._speed import equipment


def driver_config(
    config: Config | None,
    *,
    answers_logins: bool,
    random: Callable[[], float],
    entropy: Callable[[int], bytes],
    process: Callable[[], int],
) -> Config:
    """The settings that a machine gets; what the user has chosen stays.

    ``random`` is uniform in 0 to 1, ``entropy`` gives as many unpredictable bytes as it is asked
    for, ``process`` says which process this is (see `MaskKeys`).
    """
    given = config if config is not None else Config()
    return dataclasses.replace(
        given,
        ask_for_login=answers_logins or given.ask_for_login,
        random=random if given.random is Config().random else given.random,
        mask_keys=given.mask_keys or MaskKeys(entropy, process),
        **equipment(given),
    )
