"""What a WebSocket says shows no payload."""

from __future__ import annotations

from auxws_proto._received import Text


def test_a_text_shows_its_size_alone() -> None:
    assert repr(Text(b"secret")) == "Text(6 bytes)"
