"""What becomes of a large send at every point where the connection can be lost, in every way.

The promise (``docs/delivery.md``): exactly one final outcome, and none is lost without a word. The
tables below are the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auxws_proto import PutToUrl

from .helpers import Bench, World, large

PAUSED = {"type": "rate_limit_exceeded", "retryAfter": 12, "totalHits": 1}


def queued(bench: Bench) -> None:
    bench.deliver(PAUSED)
    bench.send(large())


def asked(bench: Bench) -> None:
    assert bench.send(large()) == [("text", 1, 2, 1)]
    bench.sent()


def putting(bench: Bench) -> None:
    asked(bench)
    assert bench.grant(1, "key") == [("put", 1, "key")]


def stored(bench: Bench) -> None:
    putting(bench)
    bench.deliver(PAUSED)
    assert bench.responded(1) == []


def announced(bench: Bench) -> None:
    putting(bench)
    assert bench.responded(1)[0] == ("text", 1, 4, 2, "key")


def written(bench: Bench) -> None:
    announced(bench)
    bench.sent()


def proven(bench: Bench) -> None:
    written(bench)
    bench.pong(2)


CUTS: dict[str, Callable[[Bench], None]] = {
    "before the request": queued,
    "before its answer": asked,
    "during the PUT": putting,
    "behind the PUT, before its answer": putting,
    "before the announcement": stored,
    "behind the announcement": announced,
    "behind its write": written,
}
STORED = ("before the announcement", "behind the announcement", "behind its write")
LOSSES: dict[str, Callable[[Bench], object]] = {
    "1000": lambda bench: bench.eof(1000),
    "1001": lambda bench: bench.eof(1001),
    "1006": lambda bench: bench.eof(1006),
    "silence": lambda bench: bench.after(9.0),
}


def lose_at(cut: str, loss: str, *, confirm: bool, resend: bool) -> World:
    """Bring a large send to the cut, lose the connection, and let all be well from then on."""
    bench = Bench(
        confirm=confirm, resend_unknown=resend, ping_interval=5.0, ping_timeout=4.0
    ).open()
    bench.after(5.0)
    bench.pong(0)
    world = World(bench)
    CUTS[cut](bench)
    puts = [action for action in bench.log if isinstance(action, PutToUrl)]
    if cut in STORED:
        world.store["key"] = puts[0].body
    world.forget()
    LOSSES[loss](bench)
    if cut == "behind the PUT, before its answer":
        world.answer(puts[0])
    world.run(12)
    if cut == "during the PUT":
        world.answer(puts[0])
        world.run(1)
    assert bench.all("open") == [("open", 1), ("open", 2)]
    return world


def expected(cut: str, *, confirm: bool, resend: bool) -> tuple[list[str], list[str]]:
    """The outcome, and what the server handled after the loss."""
    proof = "CONFIRMED" if confirm else "SENT"
    if not cut.startswith("behind the announcement") and cut != "behind its write":
        return [proof], ["large"]
    if cut == "behind its write" and not confirm:
        return ["SENT"], []
    return ([proof], ["large"]) if resend else (["UNKNOWN"], [])


@pytest.mark.parametrize("resend", [False, True], ids=["report unknown", "resend unknown"])
@pytest.mark.parametrize("confirm", [True, False], ids=["confirm", "no confirm"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_of_a_large_send_ends_in_one_outcome(
    cut: str, loss: str, confirm: bool, resend: bool
) -> None:
    world = lose_at(cut, loss, confirm=confirm, resend=resend)

    outcomes = [outcome[2] for outcome in world.bench.all("end")]

    assert (outcomes, world.arrived) == expected(cut, confirm=confirm, resend=resend)
    assert len(world.bench.all("put")) == 1, "a PUT is never repeated"
    assert world.bench.session.stats().outbox_messages == 0


@pytest.mark.parametrize("cut", CUTS)
def test_closing_for_good_at_every_cut(cut: str) -> None:
    bench = Bench().open()
    CUTS[cut](bench)

    bench.close()

    outcome = ("UNKNOWN", "transport_lost") if "behind the a" in cut or "write" in cut else (
        "FAILED", "closed"
    )  # fmt: skip
    assert [end[2:] for end in bench.all("end")] == [outcome]


def test_what_was_proven_is_beyond_any_loss() -> None:
    bench = Bench().open()
    proven(bench)

    assert bench.eof() == [("state", "WAITING")]
    assert bench.all("end") == [("end", 1, "CONFIRMED")]
