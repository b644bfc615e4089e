"""A string that never shows itself, and how other people's words are made to show none.

It knows how to hide, and what a secret looks like in a text. It must not know what any is for.
Equality, slicing and joining work on the real text, so that a `Secret` can be used as the string
that it is; whatever formats it (``str``, ``repr``, f-strings, ``%s``, logging) gets a placeholder.
"""

from __future__ import annotations

import re
from typing import Final

PLACEHOLDER: Final = "<secret>"

# Every repetition is bounded or eats what it matches: a megabyte of it takes linear time.
_SECRETS: Final = re.compile(
    r"""
      (?:https?|wss?)(?::|%3a)(?:\\?/|%2f){2}[^\s"'<>]+  # URLs, also in JSON or a query
    | vC[KT]1\.[^\s"'<>]+                               # connection keys and tokens (§9)
    | X-Amz-[a-z0-9-]{1,40}=[^\s"'<>&]*                  # parts of a presigned URL (§8)
    | AWS4-HMAC-SHA256[ ][^"\r\n]*                        # an Authorization header
    | Bearer[ ][^\s"]{8,}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def hide(text: str) -> str:
    """`text` without the URLs, tokens and signatures that it quotes.

    For words that are not ours: a server's messages, and what an embedder says of a failure. A
    `Secret` comes out as its placeholder.
    """
    return _SECRETS.sub(PLACEHOLDER, f"{text}")


class Secret(str):
    """Text that must not reach a log, an exception or a trace: a presigned URL, a token.

    It is a `str` in every operation but formatting. Call `reveal` where the plain text is needed.
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Secret:
        # `str(text)` of a `Secret` would be its placeholder.
        return super().__new__(cls, "".join((text,)))

    def reveal(self) -> str:
        """The plain text, as an exact `str`."""
        return "".join((self,))

    def __repr__(self) -> str:
        return PLACEHOLDER

    def __str__(self) -> str:
        return PLACEHOLDER

    def __format__(self, format_spec: str) -> str:
        return format(PLACEHOLDER, format_spec)

    def __reduce_ex__(self, protocol: object) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (self.reveal(),))

    def __deepcopy__(self, memo: object) -> Secret:
        return self
