"""Secrets out of what is written down, each by a placeholder of its own, of the same size.

It knows what a secret looks like (``docs/traces.md``), in strings, JSON texts, headers and XML. It
must not know which placeholder stands for which, nor lines, actions or files.

Strategy: a placeholder keeps what the core decides by (scheme, host and port of a URL, the harmless
parameters of its signature, sizes, characters that are refused) and equality, so that a trace plays
again as it was. What `hide` would hide in the original it hides in the placeholder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeGuard

from ._trace_placeholders import SHORTEST_PART, Placeholders, blank

# As in `_secret`: what that takes for a secret must be one here.
_SECRETS: Final = re.compile(
    r"""
      (?P<url>(?:https?|wss?)(?::|%3a)(?:\\?/|%2f){2}[^\s"'<>]+)(?P<more>['<>][^\s"]*)?
    | (?P<key>vC[KT]1\.)(?P<rest>[^\s"'<>]+)
    | (?P<name>X-Amz-[a-z0-9-]{1,40}=)(?P<value>[^\s"'<>&]*)
    | (?P<scheme>AWS4-HMAC-SHA256[ ])(?P<words>[^"\r\n]*)
    | (?P<bearer>Bearer[ ])(?P<token>[^\s"]{8,})
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PAIRS: Final = (("key", "rest"), ("name", "value"), ("scheme", "words"), ("bearer", "token"))
"""What of a secret stays, and what goes."""
_SIGNS: Final = (
    "http", "ws:", "wss:", "ws%3a", "wss%3a", "vct1.", "vck1.", "x-amz-", "aws4-hmac", "bearer ",
)  # fmt: skip
"""What is in every text that `_SECRETS` finds something in: twenty times as fast to look for."""
_NAMES: Final = ("key", "token", "secret", "passw", "authoriz", "cookie", "credential", "signature")
"""The same for `_SECRET_NAME`."""
_LONGEST_NAME: Final = 128

_AUTHORITY: Final = re.compile(
    r"(?P<scheme>(?:[a-z][a-z0-9+.-]*(?::|%3a))?(?:\\?/|%2f){2})"
    r"(?P<user>[^/\\?\#@]*@)?(?P<host>[^/\\?\#@%]*)(?P<rest>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)

_SECRET_NAME: Final = re.compile(
    r"token|secret|passw|authoriz|cookie|credential|signature"
    r"|(?:api|session|connection|record|customer|access|private)[-_]?key",
    re.IGNORECASE,
)
"""Names of headers and JSON keys whose values are secrets."""

_MARKS: Final = re.compile(r"(['<>])")
_HARMLESS_PARAMETERS: Final = frozenset(
    {"x-amz-algorithm", "x-amz-date", "x-amz-expires", "x-amz-signedheaders"}
)
_HARMLESS_VALUE: Final = re.compile(r"[A-Za-z0-9;%-]{0,200}\Z")
_EMPTY_CHECKSUM: Final = frozenset({"AAAAAA==", "AAAAAA%3D%3D", "AAAAAA%3d%3d"})
_AWS_NAME: Final = re.compile(r"x-amz-[a-z0-9-]{1,40}\Z", re.IGNORECASE)

_TOKENS: Final = re.compile(r'("(?:[^"\\]++|\\.)*+")(\s*+:)?|([^"]++|".*+)', re.DOTALL)
"""A JSON string, with the colon behind a member's name, or what stands between two. What is behind
a quote that is never closed is one piece, so that time is linear."""
_URL_EVENT: Final = re.compile(r"\s*\[\s*[34]\s*,")
_ERROR: Final = re.compile(r"\s*(?:\[\s*5\s*,|\{)")
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")

_XML: Final = re.compile(rb"(<([A-Za-z0-9_]{1,64})(?:\s[^<>]{0,512})?>)([^<]+)(?=<)")
_HARMLESS_ELEMENTS: Final = frozenset(
    {b"Code", b"Message", b"Expires", b"ServerTime", b"MaxAllowedSkewMilliseconds"}
)


class Redactor:
    """The secrets of one trace."""

    def __init__(self) -> None:
        self._known = Placeholders()

    def placeholder(self, secret: str) -> str:
        """What stands for this secret: as many characters and bytes, the same for the same."""
        return self._known.of(secret)

    def secret(self, secret: str) -> str:
        """The placeholder of a token, or of whatever else a name says is secret."""
        match = _SECRETS.fullmatch(secret)
        if match is not None and match["key"]:
            return f"{match['key']}{self.placeholder(match['rest'])}"
        return self.placeholder(secret)

    def credential(self, secret: str) -> str:
        """The placeholder of what the client logs in with; from now on it is found anywhere."""
        text = self.secret(secret)
        self._known.keep_credential(secret, text)
        return text

    def url(self, url: str) -> str:
        """A whole URL: scheme, host and port stay."""
        match = _AUTHORITY.match(url)
        if match is None:
            return _refused_as(url, "", self.placeholder(url))
        user = match["user"] or ""
        if user:
            user = self.placeholder(user[:-1])
        rest, hash_, fragment = match["rest"].partition("#")
        path, mark, query = rest.partition("?")
        tail = self._path(path) + mark + self._query(query) + hash_ + self.placeholder(fragment)
        if not tail:
            user = _refused_as(url, "", user)
        at = "@" if match["user"] else ""
        # A token in the place of a host is a token.
        head = match["scheme"] + user + at + self.string(match["host"])
        return _refused_as(url, head, tail)

    def _path(self, path: str) -> str:
        if len(path) < 2:
            return path
        _, _, last = path.rpartition("/")
        self._known.keep_part(last, blank(last))
        return path[0] + self.placeholder(path[1:])

    def _query(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&"))) if query else query

    def _parameter(self, parameter: str) -> str:
        name, equals, value = parameter.partition("=")
        lowered = name.lower()
        if lowered in _HARMLESS_PARAMETERS and _HARMLESS_VALUE.match(value):
            return parameter
        if lowered == "x-amz-checksum-crc32" and value in _EMPTY_CHECKSUM:
            return parameter
        if equals and _AWS_NAME.match(name):
            return f"{name}={self.placeholder(value)}"
        return self.placeholder(parameter)

    # Strings and what is made of them.

    def string(self, text: str) -> str:
        """A string without the secrets in it."""
        text = self._known.without_credentials(text)
        return _SECRETS.sub(self._found, text) if _has_one_of(_SIGNS, text) else text

    def _found(self, match: re.Match[str]) -> str:
        if match["url"]:
            # In JSON that is a string in JSON, escapes stand before the quotation mark.
            url = match["url"].rstrip("\\")
            escapes = match["url"][len(url) :]
            return self.url(url) + escapes + self._behind(match["more"] or "")
        head, tail = next(pair for pair in _PAIRS if match[pair[0]])
        return f"{match[head]}{self.placeholder(match[tail])}"

    def _behind(self, text: str) -> str:
        """What stands behind a URL and is of it, perhaps: a quotation mark ends it for `hide`."""
        if _has_one_of(_SIGNS, text):
            return text[:1] + self.string(text[1:])
        parts = _MARKS.split(text)
        return "".join(
            self.placeholder(part) if len(part) >= SHORTEST_PART else part for part in parts
        )

    def words(self, text: str) -> str:
        """What others say of a failure, which may quote a part of a secret."""
        return self._known.without_parts(self.string(text))

    def header(self, name: str, value: str) -> str:
        """The value of a header of this name."""
        if _is_secret_name(name):
            return self.secret(value)
        return self.url(value) if name.lower() == "location" else self.string(value)

    def member(self, name: str, value: str) -> str:
        """The value of an object's member of this name."""
        return self.secret(value) if _is_secret_name(name) else self.string(value)

    def text(self, text: str, *, is_wire: bool = False) -> str:
        """A text, JSON or not, of the same size in bytes; all else stands as it was.

        A text of the wire can be an error, whose words may quote a part of a secret.
        """
        is_url = _URL_EVENT.match(text) is not None
        is_error = is_wire and _ERROR.match(text) is not None
        if not (is_url or is_error or "\\" in text) and self._is_clean(text):
            return text
        plain = self.words if is_error else self.string
        parts: list[str] = []
        key = ""
        for match in _TOKENS.finditer(text):
            literal, colon, other = match.groups()
            if literal is None:
                is_cut_off = other.startswith('"') and _is_secret_name(key)
                parts.append(self.secret(other) if is_cut_off else self._other(other, plain))
                if other.strip():
                    key = ""
                continue
            change: Callable[[str], str] = plain
            if is_url:
                change, is_url = self.url, False
            elif _is_secret_name(key):
                change = self.secret
            old, new = self._literal(literal, change)
            parts.append(new + (colon or ""))
            key = old if colon else ""
        return "".join(parts)

    def _literal(self, literal: str, change: Callable[[str], str]) -> tuple[str, str]:
        """The string that a JSON literal is, and the literal of the changed one, of its size."""
        try:
            old: str = json.loads(literal)
        except ValueError:
            # No JSON, and it must be wrong in the same way: no more is replaced than must be.
            plain = self.string if change == self.url else change
            return "", f'"{self._other(literal[1:-1], plain)}"'
        new = change(old)
        if new == old:
            return old, literal
        text = json.dumps(new, ensure_ascii=False)
        if literal.isascii():
            text = "".join(char if char < "\x80" else json.dumps(char)[1:-1] for char in text)
        text = text.encode("utf-8", "backslashreplace").decode()
        # What was escaped takes more bytes than it needs; blanks behind it say nothing in JSON.
        size = len(literal.encode("utf-8", "surrogatepass"))
        return old, text + " " * (size - len(text.encode()))

    def _other(self, text: str, plain: Callable[[str], str]) -> str:
        """What stands between strings; in what is no JSON, anything."""
        if "\\" not in text:
            return plain(text)
        unescaped = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if plain(unescaped) != unescaped and unescaped != text:
            return blank(text)
        return plain(text)

    def raw(self, data: bytes, start: int) -> bytes:
        """Bytes that are no UTF-8, from the byte ``start`` on, which is where they stay so."""
        text = data.decode("latin-1")
        head = self.text(data[:start].decode()).encode()
        if self._is_clean(text):
            return head + data[start:]
        return head + data[start : start + 1].ljust(len(data) - start, b"-")

    def _is_clean(self, text: str) -> bool:
        """Whether nothing in a text can be a secret, as it stands."""
        return not (_has_one_of(_SIGNS + _NAMES, text) or self._known.has_credential(text))

    def document(self, body: bytes) -> bytes:
        """An object store's error document."""
        body = _XML.sub(self._element, body)
        try:
            return self.words(self.text(body.decode())).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return self.words(body.decode("latin-1")).encode("latin-1", "replace")

    def _element(self, match: re.Match[bytes]) -> bytes:
        if match[2] in _HARMLESS_ELEMENTS or not match[3].strip():
            return match[0]
        if not match[3].isascii():
            return match[1] + b"-" * len(match[3])
        return match[1] + self.placeholder(match[3].decode()).encode()

    # Structures.

    def value(self, value: Any, change: Callable[[str], str] | None = None) -> Any:
        """A value as JSON has it, without the secrets in its strings."""
        plain = self.string if change is None else change
        if isinstance(value, str):
            return plain(value)
        if _is_mapping(value):
            return {
                plain(str(key)): self.secret(item)
                if isinstance(item, str) and _is_secret_name(str(key))
                else self.value(item, plain)
                for key, item in value.items()
            }
        if _is_items(value):
            return [self.value(item, plain) for item in value]
        return value


def _has_one_of(signs: tuple[str, ...], text: str) -> bool:
    lowered = text.lower() if text.isascii() else text.casefold()
    return any(sign in lowered for sign in signs)


def _is_secret_name(name: str) -> bool:
    """Whether a header or member of this name has a secret value."""
    if len(name) > _LONGEST_NAME:
        return _SECRET_NAME.search(name) is not None
    return _is_secret_short_name(name)


@lru_cache(maxsize=1_024)
def _is_secret_short_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _refused_as(url: str, head: str, tail: str) -> str:
    """The two ends of a placeholder; what the URL policy refuses for its characters must still be
    refused for them."""
    if _is_refused(url) and not _is_refused(head + tail):
        # A character that takes one byte in JSON and ends no URL.
        tail = tail[:-1] + "\x7f" if tail else tail
    return head + tail


def _is_refused(url: str) -> bool:
    """Whether `check_url` refuses these characters."""
    return not url.isascii() or not url.isprintable() or " " in url or "\\" in url


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_items(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)
