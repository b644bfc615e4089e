"""The generated overloads: of a small class, of bad marks, and whether the source is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import generate_overloads
from tests.tools.generate_overloads import SRC, main, marked_modules, message_names, regenerated

MARKED = """\
class Client:
    # overloads: event(type)
    # end of overloads
    def event(self, type: str, *, limit: int = 10) -> Subscription[Any]:
        return self._open(type, limit)

    # overloads: request(reply)
    stale
    # end of overloads
    async def request(
        self,
        message: Mapping[str, Any],
        where: Callable[[dict[str, Any]], bool] | None = None,
        *,
        reply: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        return await self._ask(message, where, reply, timeout)
"""


def test_each_type_from_the_server_has_an_overload() -> None:
    text = regenerated(MARKED)

    assert text.count("    def event(") == len(message_names()) + 2
    assert (
        """
    @overload
    def event(
        self, type: Literal["repo/add_updates"], *, limit: int = ...
    ) -> Subscription[messages.AddUpdates]: ...
"""
        in text
    )
    assert (
        """
    @overload
    def event(self, type: str, *, limit: int = ...) -> Subscription[Any]: ...
    # end of overloads
"""
        in text
    )


def test_a_default_of_the_narrowed_parameter_goes() -> None:
    text = regenerated(MARKED)

    assert "stale" not in text
    assert (
        """
    @overload
    async def request(
        self,
        message: Mapping[str, Any],
        where: Callable[[dict[str, Any]], bool] | None = ...,
        *,
        reply: Literal["login_result"],
        timeout: float | None = ...,
    ) -> messages.LoginResult: ...
"""
        in text
    )


def test_generating_again_changes_nothing() -> None:
    once = regenerated(MARKED)

    assert regenerated(once) == once


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    # end of overloads\n", "", "have no line"),
        ("event(type)", "event(kind)", "has no parameter kind"),
        ("Subscription[Any]", "Subscription[int]", "does not return Any"),
        ("# overloads: event", "# overloads: other", "not followed by its implementation"),
    ],
)
def test_bad_marks_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regenerated(MARKED.replace(old, new))


def test_check_names_what_is_stale_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "driver.py"
    module.write_text(MARKED, encoding="utf-8")
    monkeypatch.setattr(generate_overloads, "SRC", tmp_path)

    codes = [main(["--check"])]
    unchanged = module.read_text(encoding="utf-8")
    codes += [main([]), main(["--check"])]

    assert (codes, unchanged) == ([1, 0, 0], MARKED)
    assert module.read_text(encoding="utf-8") == regenerated(MARKED)
    assert capsys.readouterr().out == "driver.py: stale\ndriver.py: rewritten\n"


def test_the_drivers_are_typed_and_current() -> None:
    marked = {path.relative_to(SRC).parts[0] for path in marked_modules()}

    assert (marked, main(["--check"])) == ({"auxws_anyio", "auxws_sync"}, 0)
