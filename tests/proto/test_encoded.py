"""A message, serialized away from any session."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import AuxSession, Config, LocalProtocolError, Role, SendText, encode


def open_session() -> AuxSession:
    session = AuxSession(Role.CLIENT, Config(confirm=False, ping_interval=None))
    session.connect(0)
    session.transport_opened(0)
    list(session.actions())
    return session


def test_what_is_encoded_once_is_sent_by_many_and_never_changes() -> None:
    message: dict[str, Any] = {"type": "greeting", "to": "all"}
    encoded = encode(message, Config())
    message["to"] = "nobody"
    assert encoded.size == len(b'{"type":"greeting","to":"all"}')
    for session in (open_session(), open_session()):
        session.send(encoded, 0)
        assert [a.data for a in session.actions() if isinstance(a, SendText)] == [
            b'[1,1,{"type":"greeting","to":"all"}]'
        ]


def test_what_json_cannot_carry_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="JSON"):
        encode({"type": "x", "value": {1, 2}}, Config())


def test_fields_are_checked_only_on_request() -> None:
    wrong = {"type": "sync/time", "id": "one", "clientRequestTime": 1}
    assert encode(wrong, Config()).type == "sync/time"
    with pytest.raises(LocalProtocolError, match="id"):
        encode(wrong, Config(validate=True))


def test_the_payload_is_not_shown() -> None:
    assert "greeting-text" not in repr(encode({"type": "x", "text": "greeting-text"}, Config()))


def test_a_message_without_a_type_is_named_as_such() -> None:
    with pytest.raises(LocalProtocolError, match="string 'type'"):
        encode({}, Config())
