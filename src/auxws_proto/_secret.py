"""A string that never shows itself.

It knows how to hide. It must not know what it hides: URLs and tokens look alike from here.
Equality, slicing and joining work on the real text, so that a `Secret` can be used as the string
that it is; whatever formats it (``str``, ``repr``, f-strings, ``%s``, logging) gets a placeholder.
"""

from __future__ import annotations


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
        return "<secret>"

    def __str__(self) -> str:
        return "<secret>"

    def __format__(self, format_spec: str) -> str:
        return format("<secret>", format_spec)

    def __reduce_ex__(self, protocol: object) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (self.reveal(),))

    def __deepcopy__(self, memo: object) -> Secret:
        return self
