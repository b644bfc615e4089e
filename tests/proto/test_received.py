"""What a WebSocket says shows no payload."""

from __future__ import annotations

from auxws_proto._received import Texts


def test_texts_show_their_number_and_size_alone() -> None:
    assert repr(Texts([b"secret", b"too"])) == "Texts(2 messages, 9 bytes)"
