"""Writes the overloads of the drivers' typed verbs from the one table of message types.

    python -m tests.tools.generate_overloads [--check]

A driver marks the place, and writes only the implementation:

    # overloads: event(type)
    # end of overloads
    def event(self, type: str, *, limit: int = 10) -> Subscription[Any]:

The lines between the markers are generated: one overload for each type that a server sends, with
the marked parameter narrowed to the literal and `Any` in the return type replaced by the message,
and a last one for every other type. (It must be `Any`: both type checkers refuse a `dict` there, as
no `TypedDict` is one.) The rest of the signature is the implementation's, with defaults as `...`.
The module must import `Any`, `Literal`, `overload` and `auxws_proto.messages`.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from auxws_proto import messages

SRC = Path(__file__).parent.parent.parent / "src"
BEGIN = re.compile(
    r"^(?P<indent> *)# overloads: (?P<name>\w+)\((?P<parameter>\w+)\)$", re.MULTILINE
)
END = "# end of overloads"
ANY_MESSAGE = re.compile(r"\bAny\b")
LINE_LENGTH = 100


def message_names() -> dict[str, str]:
    """The public name of each type that a server sends."""
    public = [(name, getattr(messages, name)) for name in messages.__all__]
    return {
        kind: next(name for name, value in public if value == row.from_server)
        for kind, row in messages.MESSAGE_ROWS.items()
        if row.from_server is not None
    }


def regenerated(source: str) -> str:
    """A module's text with its marked regions as they should be; `ValueError` for bad marks."""
    position = 0
    while begin := BEGIN.search(source, position):
        indent, name, parameter = begin["indent"], begin["name"], begin["parameter"]
        end_line = f"{indent}{END}\n"
        end = source.find(end_line, begin.end())
        if end < 0:
            raise ValueError(f"the overloads of {name} have no line {END!r}")
        region = "".join(
            f"{indent}{line}\n"
            for line in overloads(implementation(source, end + len(end_line), name), parameter,
                                  LINE_LENGTH - len(indent))
        )  # fmt: skip
        source = source[: begin.end() + 1] + region + source[end:]
        position = begin.end() + len(region)
    return source


def implementation(source: str, start: int, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The function ``name`` that follows the end of its marked region."""
    first_line = source.count("\n", 0, start) + 1
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == name
            and min([node.lineno, *(each.lineno for each in node.decorator_list)]) == first_line
        ):
            return node
    raise ValueError(f"the overloads of {name} are not followed by its implementation")


def overloads(
    function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str, width: int
) -> Iterator[str]:
    """The lines of all overloads of a function, without indentation."""
    returns = ast.unparse(function.returns) if function.returns else ""
    if not ANY_MESSAGE.search(returns):
        raise ValueError(f"{function.name} does not return Any in some form")
    for kind, message in message_names().items():
        narrow = signature(function, parameter, f'Literal["{kind}"]')
        yield from laid_out(
            function, narrow, ANY_MESSAGE.sub(f"messages.{message}", returns), width
        )
    yield from laid_out(function, signature(function, parameter, None), returns, width)


def signature(
    function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str, narrowed: str | None
) -> list[str]:
    """The parameters as text; ``narrowed`` annotates the marked one, None keeps its own."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True)]
    keywords = [*zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if parameter not in {argument.arg for argument, _ in [*pairs, *keywords]}:
        raise ValueError(f"{function.name} has no parameter {parameter}")

    def text(argument: ast.arg, default: ast.expr | None) -> str:
        is_narrowed = argument.arg == parameter and narrowed is not None
        hint = narrowed if is_narrowed else argument.annotation and ast.unparse(argument.annotation)
        shown = argument.arg + (f": {hint}" if hint else "")
        return f"{shown} = ..." if default is not None and not is_narrowed else shown

    shown = [text(*pair) for pair in pairs]
    return [*shown, "*", *(text(*pair) for pair in keywords)] if keywords else shown


def laid_out(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    parameters: list[str],
    returns: str,
    width: int,
) -> Iterator[str]:
    """One overload, broken into lines as the formatter breaks them."""
    keyword = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    head, tail = f"{keyword} {function.name}(", f") -> {returns}: ..."
    joined = ", ".join(parameters)
    yield "@overload"
    if len(head + joined + tail) <= width:
        yield head + joined + tail
    elif len(joined) + 4 <= width:
        yield from (head, f"    {joined}", tail)
    else:
        yield from (head, *(f"    {each}," for each in parameters), tail)


def marked_modules() -> list[Path]:
    """The modules of the source that have marked regions."""
    return sorted(
        path for path in SRC.rglob("*.py") if BEGIN.search(path.read_text(encoding="utf-8"))
    )


def main(arguments: list[str] | None = None) -> int:
    """Rewrite every marked module, or with ``--check`` only name those that are not current."""
    parser = argparse.ArgumentParser(description="Generate the overloads of the typed verbs.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if stale")
    is_check = parser.parse_args(arguments).check
    stale = 0
    for path in marked_modules():
        source = path.read_text(encoding="utf-8")
        wanted = regenerated(source)
        if source != wanted:
            stale += 1
            print(f"{path.relative_to(SRC)}: {'stale' if is_check else 'rewritten'}")
            if not is_check:
                path.write_text(wanted, encoding="utf-8")
    return 1 if stale and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
