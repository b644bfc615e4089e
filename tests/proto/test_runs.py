"""`_runs`: like actions in a row, as one, until they are taken one by one."""

from __future__ import annotations

from copy import deepcopy

import pytest

from auxws_proto import (
    Action,
    ActionRun,
    AuxWebSocket,
    ByteRun,
    DeliverMessage,
    DeliveryRun,
    ReportRun,
    ReportSend,
    Role,
    SendBytes,
    SendId,
    SendPing,
    SendText,
    Stage,
    State,
    TextRun,
)
from auxws_proto._runs import RUNS

from .helpers import SMALL, Bench

ONE, TWO = SendId(1), SendId(2)
PING = SendPing(transport=1, payload=b"2")
CASES: list[tuple[ActionRun, list[Action]]] = [
    (
        TextRun(1, 300, [b"a", b"b"], [ONE, TWO]),
        [
            SendText(transport=1, data=b"a", max_frame=300, send_id=ONE),
            SendText(transport=1, data=b"b", max_frame=300, send_id=TWO),
        ],
    ),
    (
        ByteRun(1, [b"a", b"b"], [ONE, None]),
        [SendBytes(transport=1, data=b"a", send_id=ONE), SendBytes(transport=1, data=b"b")],
    ),
    (
        ReportRun(Stage.SENT, False, [ONE, TWO]),
        [ReportSend(send_id=ONE, stage=Stage.SENT), ReportSend(send_id=TWO, stage=Stage.SENT)],
    ),
    (
        ReportRun(Stage.CONFIRMED, True, [ONE, TWO]),
        [
            ReportSend(send_id=ONE, stage=Stage.CONFIRMED, final=True),
            ReportSend(send_id=TWO, stage=Stage.CONFIRMED, final=True),
        ],
    ),
    (
        DeliveryRun(1, True, [{"type": "a"}, {"type": "b"}], [14, 15], [0, 3]),
        [
            DeliverMessage(message={"type": "a"}, size=14, event_id=0, transport=1, overlap=True),
            DeliverMessage(message={"type": "b"}, size=15, event_id=3, transport=1, overlap=True),
        ],
    ),
]


@pytest.mark.parametrize(("run", "actions"), CASES)
def test_what_a_run_stands_for(run: ActionRun, actions: list[Action]) -> None:
    run = deepcopy(run)
    assert type(run) in RUNS
    assert len(run) == len(actions)

    assert list(run.take()) == actions
    assert not run
    assert list(run.take()) == []


def test_a_session_s_bursts_are_runs_and_what_is_alone_is_not() -> None:
    bench = Bench().open()
    session = bench.session
    for _ in range(3):
        session.send(SMALL, 100)
    text, ping = session.runs()
    assert isinstance(text, TextRun)
    assert [*text.data] == [b'[1,%d,{"type":"small"}]' % n for n in (1, 2, 3)]
    assert ping == SendPing(transport=1, payload=b"3")

    session.data_sent(2, 100)
    [report] = session.runs()
    assert isinstance(report, ReportRun)
    assert (report.stage, report.final, [*report.ids]) == (Stage.SENT, False, [1, 2])
    session.data_sent(1, 100)
    assert list(session.runs()) == [ReportSend(send_id=SendId(3), stage=Stage.SENT)]
    session.receive_pong(b"3", 100)
    [report] = session.runs()
    assert isinstance(report, ReportRun)
    assert (report.stage, report.final, [*report.ids]) == (Stage.CONFIRMED, True, [1, 2, 3])

    session.receive_texts([b'[1,0,{"type":"a"}]', b'[1,-7,{"type":"b"} ]'], 100)
    [delivery] = session.runs()
    assert isinstance(delivery, DeliveryRun)
    assert (delivery.transport, delivery.overlap) == (1, False)
    assert [*delivery.messages] == [{"type": "a"}, {"type": "b"}]
    assert ([*delivery.sizes], [*delivery.event_ids]) == ([18, 20], [0, -7])


def test_the_bytes_of_a_burst_are_a_run() -> None:
    machine = AuxWebSocket(Role.SERVER)
    machine.transport_opened(0)
    machine.receive_bytes(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        0,
    )
    list(machine.actions())
    assert machine.state is State.OPEN
    machine.send(SMALL, 0)
    machine.send(SMALL, 0)

    run, ping = machine.runs()

    frame = b'\x81\x16[1,0,{"type":"small"}]'
    assert isinstance(run, ByteRun)
    assert (run.transport, [*run.data], [*run.ids]) == (1, [frame, frame], [1, 2])
    assert isinstance(ping, SendBytes)
