"""Every page of the documentation runs, and what does not run is counted and says why."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.docs import test_examples as examples
from tests.docs.pages import ROOT, Page, Wrong, commands, same, steps

ELSEWHERE = {
    "docs/cli.md": "tests/cli/documented.py",
    "docs/testing.md": "tests/docs/test_howto.py",
    "docs/examples/README.md": "tests/docs/test_examples.py",
}
"""Pages whose code another test runs, which can do more for them."""

NOT_RUN: dict[str, int] = {
    "docs/how-to/connect-to-aws.md": 1,
    "docs/tutorial/first-bot.md": 2,
}
"""How many blocks of a page are marked as not to be run. Only smaller numbers are news."""

PAGES = {
    path.relative_to(ROOT).as_posix(): list(steps(path.read_text("utf-8")))
    for path in sorted(ROOT.glob("docs/**/*.md"))
}
RUN = [name for name, found in PAGES.items() if found and name not in ELSEWHERE]


@pytest.mark.parametrize("name", RUN)
def test_a_page_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.docs.pages", name],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_that_do_not_run_are_counted() -> None:
    counted = Counter(
        name for name, found in PAGES.items() for step in found if step.not_run is not None
    )

    assert counted == NOT_RUN


def test_blocks_that_do_not_run_say_why() -> None:
    assert [
        f"{name}:{step.line}"
        for name, found in PAGES.items()
        for step in found
        if step.not_run is not None and len(step.not_run.split()) < 3
    ] == []


@pytest.mark.parametrize(("name", "other"), ELSEWHERE.items())
def test_a_page_that_runs_elsewhere_does(name: str, other: str) -> None:
    path, folder = Path(name), str(Path(name).parent)

    text = (ROOT / other).read_text("utf-8")

    assert path.name in text or f'"{Path(folder).name}"' in text


INCLUDE = re.compile(r"^```\{literalinclude\} (\S+)$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_includes_runs(name: str) -> None:
    examples_that_run = examples.RUN | examples.SHARED | examples.ELSEWHERE
    included = INCLUDE.findall((ROOT / name).read_text("utf-8"))
    paths = [(ROOT / name).parent.joinpath(target).resolve() for target in included]

    assert [p for p in paths if not p.is_file()] == []
    assert [p.name for p in paths if p.suffix == ".py" and p.stem not in examples_that_run] == []


def test_steps_and_their_marks() -> None:
    text = """\
Words.

<!-- run
x = 1
-->
```python
print(x)
```

<!-- output -->
```text
1
```

<!-- not run: needs an account
at AWS -->
In a list:

<!-- not run: needs an account
at AWS -->
   ```sh
   aws s3 ls
   ```
<!-- the gateway is at ws://127.0.0.1:1/dev -->
<!-- exits with 3 -->
```console
$ auxws watch ws://127.0.0.1:1/dev
```
"""

    found = [(s.kind, s.line, s.source, s.not_run, s.exits_with) for s in steps(text)]

    assert found == [
        ("python", 4, "x = 1\n", None, 0),
        ("python", 7, "print(x)\n", None, 0),
        ("text", 12, "1\n", None, 0),
        ("sh", 22, "aws s3 ls\n", "needs an account at AWS", 0),
        ("alias", 25, "ws://127.0.0.1:1/dev", None, 0),
        ("console", 27, "$ auxws watch ws://127.0.0.1:1/dev\n", None, 3),
    ]


def test_commands_and_what_they_print() -> None:
    assert list(commands("$ one\nout\n\nmore\n$ two \\\n>   three\n$ four\n")) == [
        ("one", "out\n\nmore"),
        ("two \\\n  three", ""),
        ("four", ""),
    ]


@pytest.mark.parametrize(
    ("expected", "got", "is_same"),
    [
        ("a 1", "a 1\n", True),
        ("a  1\n\nb", "a 1\nb\n", True),
        ("a ... b", "a 17 b", True),
        ("a ...ms", "a 17ms", True),
        ("a\n...\nb", "a\nb", True),
        ("a\n...\nb", "a\nx\ny\nb", True),
        ("...", "", True),
        ("a ... b", "a\nb", False),
        ("a\n...\nb", "a\nx", False),
        ("a", "b", False),
        ("a", "ab", False),
    ],
)
def test_outputs(expected: str, got: str, is_same: bool) -> None:
    assert same(expected, got) is is_same


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("```python\n\n1 / 0\n```", ":2: ZeroDivisionError"),
        ("```console\n$ echo one\ntwo\n```", "the page says:\ntwo"),
        ("```console\n$ exit 3\n```", "ended with 3"),
        ("```python\nprint(1)\n```\n<!-- output -->\n```\n2\n```", "printed:\n1\n"),
        ("```json\n{\n```", "JSONDecodeError"),
        ("```python\ndef test_x():\n    assert False\n```", "ended with 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, page: str, part: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(page, "utf-8")

    with pytest.raises(Wrong, match=r"page\.md:\d") as caught:
        Page(path, "ws://127.0.0.1:1/dev", tmp_path).run()

    assert part in str(caught.value)
