"""The AUX protocol of CasualOS over API Gateway, as pure state machines: no I/O, clock or threads.

`AuxSession` takes whole text messages; `AuxWebSocket` speaks RFC 6455 bytes (it needs wsproto, and
is imported on first use). Feed one input, drain ``actions()`` to the end, re-arm one timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._actions import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    SendBytes,
    SendPing,
    SendText,
)
from ._clock_offset import ClockOffset, TimeSample
from ._config import Config, Reconnect
from ._constants import (
    MAX_FRAGMENTED_SIZE,
    MAX_FRAME_SIZE,
    MAX_MESSAGE_SIZE,
    EventType,
    FailReason,
    Role,
    SendId,
    Stage,
    State,
    Violation,
)
from ._credentials import ConnectionId, ConnectionToken, Credentials
from ._encoded import Encoded, encode
from ._errors import (
    AuxError,
    ConnectionClosed,
    ConnectionFailed,
    DownloadFailed,
    ExtraMissing,
    GatewayNotice,
    LocalProtocolError,
    LoginRefused,
    LoginTimeout,
    OutboxFull,
    RateLimited,
    RemoteProtocolError,
    SendFailed,
    ServerError,
    UnconfirmedTransport,
    UrlRefused,
)
from ._events import (
    Event,
    HeaderPairs,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    TransportFailure,
    UploadGranted,
    UploadRefused,
)
from ._http_request import HttpResult
from ._inst import InstMachine
from ._inst_shapes import (
    ActionFailed,
    BranchKey,
    DeliverAction,
    DeliverUpdates,
    DeviceChange,
    DeviceJoined,
    DeviceLeft,
    EndWatch,
    InstAction,
    InstConfig,
    InstUpdates,
    ReportDevice,
    SendMessage,
    SetGreeting,
    SettleUpdates,
    UpdatesRefused,
    UpdatesUnacknowledged,
    WatchFailed,
)
from ._journal import (
    Journal,
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxChange,
    OutboxStore,
    OutboxStoreFailed,
    StoredMessage,
)
from ._machine import AuxMachine
from ._mailbox import SlowConsumer, SlowPolicy
from ._policy import UrlPolicy
from ._questions import StoredUpdates
from ._replica import CorruptUpdate, DocumentFault, NotSynced
from ._reports import ErrorReport, InternalError, Progress, StateChange, Stats, Tally
from ._runs import ActionRun, ByteRun, DeliveryRun, ReportRun, TextRun
from ._secret import Secret
from ._session import AuxSession
from ._stats import SessionStats
from ._token import (
    ConnectionKey,
    ConnectionTokenParts,
    make_connection_token,
    parse_connection_token,
)
from ._trace_difference import ReplayResult, TraceDifference
from ._trace_reader import Trace, TraceError, read_trace
from ._trace_records import (
    TraceAction,
    TraceDraw,
    TraceHeader,
    TraceInput,
    TraceLeg,
    TraceMachine,
    TraceNote,
    TracePayload,
    TraceRecord,
    TraceTransfer,
)
from ._trace_replay import replay_trace
from ._trace_writer import TraceFailed, TraceFile, TraceWriter
from ._traced_session import traced
from ._version import __version__

if TYPE_CHECKING:
    from ._aux_websocket import AuxWebSocket

__all__ = [
    "MAX_FRAGMENTED_SIZE",
    "MAX_FRAME_SIZE",
    "MAX_MESSAGE_SIZE",
    "AbortTransport",
    "Action",
    "ActionFailed",
    "ActionRun",
    "AnswerUploadRequest",
    "AskForLogin",
    "AuxError",
    "AuxMachine",
    "AuxSession",
    "AuxWebSocket",
    "BranchKey",
    "ByteRun",
    "CancelTransfer",
    "ClockOffset",
    "CloseTransport",
    "Config",
    "ConnectionClosed",
    "ConnectionFailed",
    "ConnectionId",
    "ConnectionKey",
    "ConnectionToken",
    "ConnectionTokenParts",
    "CorruptUpdate",
    "Credentials",
    "DeliverAction",
    "DeliverMessage",
    "DeliverUpdates",
    "DeliveryRun",
    "DeviceChange",
    "DeviceJoined",
    "DeviceLeft",
    "DocumentFault",
    "DownloadFailed",
    "Encoded",
    "EndWatch",
    "ErrorReport",
    "Event",
    "EventType",
    "ExtraMissing",
    "FailReason",
    "GatewayNotice",
    "GetFromUrl",
    "HeaderPairs",
    "HttpFailed",
    "HttpFailure",
    "HttpProgressed",
    "HttpResponded",
    "HttpResult",
    "InstAction",
    "InstConfig",
    "InstMachine",
    "InstUpdates",
    "InternalError",
    "Journal",
    "LocalProtocolError",
    "LoginRefused",
    "LoginTimeout",
    "LoginUnavailable",
    "MessageAccepted",
    "MessageDone",
    "MessageEmitted",
    "NotSynced",
    "OpenTransport",
    "OutboxChange",
    "OutboxFull",
    "OutboxStore",
    "OutboxStoreFailed",
    "Progress",
    "PutToUrl",
    "RateLimited",
    "Reconnect",
    "RemoteProtocolError",
    "ReplayResult",
    "ReportDevice",
    "ReportError",
    "ReportGap",
    "ReportProgress",
    "ReportRun",
    "ReportSend",
    "ReportState",
    "Role",
    "Secret",
    "SendBytes",
    "SendFailed",
    "SendId",
    "SendMessage",
    "SendPing",
    "SendText",
    "ServerError",
    "SessionStats",
    "SetGreeting",
    "SettleUpdates",
    "SlowConsumer",
    "SlowPolicy",
    "Stage",
    "State",
    "StateChange",
    "Stats",
    "StoredMessage",
    "StoredUpdates",
    "Tally",
    "TextRun",
    "TimeSample",
    "Trace",
    "TraceAction",
    "TraceDifference",
    "TraceDraw",
    "TraceError",
    "TraceFailed",
    "TraceFile",
    "TraceHeader",
    "TraceInput",
    "TraceLeg",
    "TraceMachine",
    "TraceNote",
    "TracePayload",
    "TraceRecord",
    "TraceTransfer",
    "TraceWriter",
    "TransportFailure",
    "UnconfirmedTransport",
    "UpdatesRefused",
    "UpdatesUnacknowledged",
    "UploadGranted",
    "UploadRefused",
    "UrlPolicy",
    "UrlRefused",
    "Violation",
    "WatchFailed",
    "__version__",
    "encode",
    "make_connection_token",
    "parse_connection_token",
    "read_trace",
    "replay_trace",
    "traced",
]


def __getattr__(name: str) -> Any:
    if name == "AuxWebSocket":
        from ._aux_websocket import AuxWebSocket

        return AuxWebSocket
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
