"""The two logins: their messages, and a token that does not show."""

from __future__ import annotations

import copy
import pickle

import pytest

from auxws_proto import ConnectionId, ConnectionToken, Secret
from auxws_proto._credentials import Credentials

TOKEN = "vCT1.dXNlcg==.c2Vzc2lvbg==.Y29ubg==..aW5zdA==.aGFzaA=="


@pytest.mark.parametrize("token", [TOKEN, Secret(TOKEN), Secret(Secret(TOKEN))])
def test_a_user_logs_in_with_the_token_itself(token: str) -> None:
    message = ConnectionToken(token).login_message()

    assert message == {"type": "login", "connectionToken": TOKEN}
    assert type(message["connectionToken"]) is str


def test_a_guest_logs_in_with_an_id() -> None:
    assert ConnectionId("conn-a").login_message() == {"type": "login", "connectionId": "conn-a"}


@pytest.mark.parametrize("credentials", [ConnectionToken(TOKEN), ConnectionId("conn-a")])
def test_credentials_are_values(credentials: Credentials) -> None:
    copies = copy.deepcopy(credentials), pickle.loads(pickle.dumps(credentials))

    assert copies == (credentials, credentials)
    assert len({credentials, *copies}) == 1


def test_a_token_does_not_show() -> None:
    assert repr(ConnectionToken(TOKEN)) == "ConnectionToken(token=<secret>)"
