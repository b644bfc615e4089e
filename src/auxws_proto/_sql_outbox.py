"""An `OutboxStore` in SQL, on a database connection that somebody else has opened.

It knows one table and SQLite's statements. It must not open anything: the drivers hand in a
connection of the standard library's ``sqlite3`` and the class of its errors, so that this module
does no I/O of its own and both drivers share it.

Strategy: one row a message, one transaction a call. The write-ahead log makes a transaction one
append to a file; what of it a crash can take is `DURABILITY`'s choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, Final, Literal, Protocol, TypeAlias, assert_never

from ._encoded import Encoded
from ._errors import AuxError
from ._journal import Accepted, Done, Emitted, OutboxChange, OutboxStoreFailed, StoredMessage
