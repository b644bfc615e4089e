"""The planted faults: what a tired programmer could have written, one at a time, all over the core.

It knows texts of the core's modules. It must not know how they are planted or caught. ``search``
occurs exactly once in its module; the test suite sees to that, so that no fault rots away.
"""

from __future__ import annotations

from typing import Final

from .endings import ENDINGS
from .fault import Fault
from .limits import LIMITS
from .safety import SAFETY
from .sequence import SEQUENCE

FAULTS: Final[tuple[Fault, ...]] = (*LIMITS, *SEQUENCE, *ENDINGS, *SAFETY)
