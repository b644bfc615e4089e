"""The answer to a handshake's nonce, put right in recorded bytes."""

from __future__ import annotations

from auxws_proto import SendBytes, SendText
from auxws_proto._trace_nonce import Nonces

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ANSWER = b"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\nrest"


def request(transport: int) -> SendBytes:
    data = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
    return SendBytes(transport=transport, data=data)


def test_the_answer_is_that_to_the_nonce_of_this_run() -> None:
    nonces = Nonces([(1, ANSWER[:40]), (1, ANSWER[40:])])
    nonces.look(request(1))

    parts = [nonces.put_right(1, ANSWER[:45]), nonces.put_right(1, ANSWER[45:50])]
    parts.append(nonces.put_right(1, ANSWER[50:]))

    assert b"".join(parts) == ANSWER.replace(b"AAAAAAAAAAAAAAAAAAAAAAAAAAA=", ACCEPT)


def test_other_bytes_are_themselves() -> None:
    nonces = Nonces([(1, b"HTTP/1.1 400 no\r\n\r\n"), (2, ANSWER)])
    nonces.look(request(1))
    nonces.look(SendBytes(transport=2, data=b"\x81\x00"))
    nonces.look(SendText(transport=2, data=KEY, max_frame=1))

    assert nonces.put_right(1, ANSWER) == ANSWER
    assert nonces.put_right(2, ANSWER) == ANSWER
