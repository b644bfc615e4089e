"""How many hostile inputs the tests try, by class; each is an input that must be refused.

    python -m tests.tools.hostile_counts

Counted are the distinct rows of parametrized tests: a row that runs on four drivers counts once.
What hypothesis draws comes on top.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent

RUNNERS = frozenset({"case", "driver", "anyio_backend", "role", "short_path"})
"""Parameters that say where a row runs, not what it is."""


def _any(_: dict[str, Any]) -> bool:
    return True


def _is_refused(row: dict[str, Any]) -> bool:
    return bool(row["rule"] != "allowed")


def _is_over(row: dict[str, Any]) -> bool:
    return bool(row["over"])


Rule = Callable[[dict[str, Any]], bool]

CLASSES: dict[str, dict[str, Rule]] = {
    "URLs": {
        "tests/proto/test_policy.py::test_the_default_policy": _is_refused,
        "tests/proto/test_policy.py::test_other_policies": _is_refused,
        "tests/proto/test_transfers.py::test_a_307_goes_only_where_the_policy_allows": _any,
        "tests/proto/test_target.py::test_what_is_no_websocket_url_is_named_and_not_quoted": _any,
        "tests/proto/test_target.py::test_another_machine_without_tls_needs_leave": _any,
        "tests/drivers/test_safety.py::test_a_refused_download_is_a_gap_of_its_own": _any,
        "tests/drivers/test_safety.py::test_a_refused_upload_fails_its_own_send": _any,
        "tests/drivers/test_safety.py::test_no_websocket_without_tls_to_other_machines": _any,
    },
    "headers": {
        "tests/proto/test_policy.py::test_headers_that_the_server_may_not_set": _any,
        "tests/proto/test_policy.py::test_headers_that_are_no_headers": _any,
    },
    "addresses": {
        "tests/proto/test_addresses.py::test_not_public": _any,
        "tests/drivers/test_safety.py::test_a_name_that_leads_inwards_is_refused": _any,
        "tests/drivers/test_safety.py::test_loopback_in_any_writing_is_refused": _any,
        "tests/drivers/test_safety.py::test_of_mixed_addresses_only_public_ones_are_tried": _any,
        "tests/drivers/test_safety.py::test_a_name_that_changes_its_mind_is_refused": _any,
    },
    "JSON and events": {
        "tests/proto/test_json.py::test_what_is_not_json": _any,
        "tests/proto/test_json.py::test_what_is_not_utf8": _any,
        "tests/proto/test_json.py::test_an_unclosed_bomb_is_too_deep_and_costs_no_stack": _any,
        "tests/proto/test_decoding.py::test_malformed_events": _any,
        "tests/proto/test_engine.py::"
        "test_a_malformed_text_is_reported_once_and_the_next_message_is_delivered": _any,
        "tests/drivers/test_faults.py::test_junk_is_reported_once_and_the_stream_goes_on": _any,
    },
    "frames and handshakes": {
        "tests/proto/test_websocket_ends.py::test_bytes_that_break_rfc_6455_fail_the_connection":
            _any,
        "tests/proto/test_websocket_ends.py::test_a_close_that_must_not_be_is_a_violation": _any,
        "tests/proto/test_websocket_handshakes.py::test_a_server_may_answer_wrongly": _any,
        "tests/proto/test_websocket_handshakes.py::test_a_client_may_ask_wrongly": _any,
        "tests/proto/test_websocket_handshakes.py::test_garbage_and_endless_headers_are_refused":
            _any,
        "tests/proto/test_websocket.py::test_closing_as_api_gateway_does": _any,
    },
    "HTTP answers": {
        "tests/drivers/test_safety.py::test_the_cap_is_on_decoded_bytes_to_the_byte": _is_over,
        "tests/drivers/test_safety.py::test_a_head_without_end_is_a_failure": _any,
        "tests/drivers/test_http.py::test_a_body_over_the_limit_is_not_read_to_its_end": _any,
        "tests/drivers/test_http.py::test_a_bad_encoding_is_a_failure": _any,
        "tests/drivers/test_http.py::test_a_broken_answer_is_worth_another_try": _any,
        "tests/sync/test_http.py::test_the_cap_counts_decoded_bytes": _any,
        "tests/sync/test_http.py::test_a_damaged_response_is_a_failure": _any,
        "tests/proto/test_object_store.py::test_no_other_redirect_is_followed": _any,
        "tests/proto/test_transfers.py::test_headers_over_the_limit_are_a_failure_for_good": _any,
    },
    "XML errors": {
        "tests/proto/test_object_store.py::test_what_nothing_can_help": _any,
        "tests/proto/test_object_store.py::test_a_code_that_quotes_is_not_shown": _any,
        "tests/proto/test_object_store.py::test_only_the_head_of_a_huge_body_is_looked_at": _any,
    },
}  # fmt: skip


class _Collector:
    """Keeps what pytest has found."""

    def __init__(self) -> None:
        self.rows: dict[str, set[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        rules = {name: rule for tests in CLASSES.values() for name, rule in tests.items()}
        for item in items:
            name = item.nodeid.partition("[")[0]
            params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
            row = {key: value for key, value in params.items() if key not in RUNNERS}
            if rules[name](row):
                self.rows.setdefault(name, set()).add(repr(sorted(row.items(), key=lambda i: i[0])))


def count() -> dict[str, int]:
    """Hostile inputs by class. Raises `LookupError` for a test that is not there."""
    names = [name for tests in CLASSES.values() for name in tests]
    collector = _Collector()
    options = ["--collect-only", "-qq", "--no-header", "--no-summary", f"--rootdir={ROOT}"]
    code = pytest.main([*options, *(str(ROOT / name) for name in names)], [collector])
    if code != pytest.ExitCode.OK:
        raise LookupError("pytest did not find every test")
    return {kind: sum(len(collector.rows[name]) for name in tests)
            for kind, tests in CLASSES.items()}  # fmt: skip


def main() -> None:
    counts = count()
    print("\n" + "\n".join(f"{kind:22} {number:5}" for kind, number in counts.items()))
    print(f"{'in all':22} {sum(counts.values()):5}")


if __name__ == "__main__":
    main()
