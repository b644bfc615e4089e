"""The documentation site: ``nox -s docs``, or ``sphinx-build -W --keep-going -n docs FOLDER``.

It knows how pages become a site: Markdown by MyST, docstrings by autodoc, nothing from the network.
It must not know any fact of the project: those stand in the pages and in the docstrings. The
package has to be installed; no path is touched.

In docstrings single backticks name a thing of Python, and become a link where the reference has
it; ``docs/protocol.md`` §N becomes a link to that section.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import find_pending_xref_condition

import auxws_proto

project = "auxws"
author = "The auxws authors"
project_copyright = author
release = version = auxws_proto.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "**/README.md"]
nitpicky = True
default_role = "py:obj"

html_theme = "furo"
html_title = "auxws"
html_static_path = ["_static"]
html_css_files = ["auxws.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "native"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    # Of bases only those that are ours are documented.
    "inherited-members": "Exception,str,int,dict,object,StrEnum,IntEnum,Enum,Protocol,Generic",
    "show-inheritance": True,
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

PUBLIC: Final = (
    "auxws_proto",
    "auxws_proto.messages",
    "auxws_proto.observe",
    "auxws_proto.testing",
    "auxws_proto.testing.strategies",
    "auxws_anyio",
    "auxws_anyio.gateway",
    "auxws_anyio.viewer",
    "auxws_anyio.yjs",
    "auxws_sync",
    "auxws_sync.yjs",
    "auxws_anyio.otel",
    "auxws_anyio.pytest_plugin",
)
"""The modules of the reference; a test holds this to the packages."""

OURS: Final = "auxws_"
HERE: Final = Path(__file__).parent


def public_homes() -> dict[str, str]:
    """Where each thing of a private module is public: both by their full names."""
    homes: dict[str, str] = {}
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing: Any = getattr(module, name)
            origin = getattr(thing, "__module__", None)
            if isinstance(origin, str) and origin.startswith(OURS) and origin != package:
                homes.setdefault(f"{origin}.{thing.__name__}", f"{package}.{name}")
    return homes


HOMES: Final = public_homes()


def data_docs(package: str, names: Collection[str] = ()) -> dict[str, list[str]]:
    """The docstrings of constants and aliases, which autodoc does not follow to their modules."""
    module = importlib.import_module(package)
    found: dict[str, list[str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        home = importlib.util.resolve_name(
            "." * node.level + (node.module or ""), module.__package__
        )
        wanted = names or module.__all__
        data = [a.name for a in node.names if a.name in wanted]
        data = [name for name in data if not inspect.isclass(getattr(module, name))]
        data = [name for name in data if not inspect.isroutine(getattr(module, name))]
        if data:
            analyzer = ModuleAnalyzer.for_module(home)
            analyzer.analyze()
            docs = {name: analyzer.attr_docs.get(("", name)) for name in data}
            found |= {name: lines for name, lines in docs.items() if lines}
            further = [name for name, lines in docs.items() if not lines]
            found |= data_docs(home, further) if further else {}
    return found


DATA_DOCS: Final = {
    f"{package}.{name}": lines for package in PUBLIC for name, lines in data_docs(package).items()
}


def candidates(node: pending_xref) -> list[str]:
    """The full names that a reference may mean, the likeliest first."""
    target: str = node["reftarget"]
    module: str | None = node.get("py:module")
    names = [HOMES.get(target, target)]
    owner, _, member = target.rpartition(".")
    if owner in HOMES:
        names.append(f"{HOMES[owner]}.{member}")
    names += [f"{package}.{target}" for package in ([module] if module else [])]
    names += [f"{package}.{target}" for package in PUBLIC]
    return names


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Element | None:
    """Find what Sphinx does not: names in private modules, and short names of other modules.

    What is written in single backticks and is no public name (a parameter, say) stays plain code;
    ``tests/docs`` finds the misspelt ones. A type in a signature that is ours, private and without
    a home is shown without a link.
    """
    if node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    assert isinstance(domain, PythonDomain)
    for name in candidates(node):
        found = domain.objects.get(name)
        if found is not None:
            return domain.resolve_xref(
                env, node.get("refdoc", ""), app.builder, "obj", name, node, contnode
            )
    if node.get("reftype") == "obj" or "." not in node["reftarget"]:
        return contnode
    return contnode if not node["reftarget"].startswith("docs.") else None


SECTION: Final = re.compile(r"^(\d+[a-z]?)\. ")


def leave_builtins_alone(app: Sphinx, document: nodes.document) -> None:
    """A builtin type is no link, and never a field of ours that has the same name."""
    for node in list(document.findall(pending_xref)):
        if node.get("refdomain") == "py" and hasattr(builtins, node["reftarget"]):
            short = find_pending_xref_condition(node, "resolved")
            node.replace_self(short.children if short is not None else node.children)


def label_sections(app: Sphinx, document: nodes.document) -> None:
    """Numbered sections can be referred to by their number: ``protocol §5``."""
    env = app.env
    labels = env.domains.standard_domain
    for section in document.findall(nodes.section):
        title = section.next_node(nodes.title)
        match = SECTION.match(title.astext()) if title else None
        if match:
            name = f"{env.docname} §{match[1]}".lower()
            labels.labels[name] = (env.docname, section["ids"][0], f"§{match[1]}")
            labels.anonlabels[name] = (env.docname, section["ids"][0])


CITED: Final = re.compile(r"(?:``)?docs/(\w+)\.md(?:``)?(?: §(\d+[a-z]?))?|§(\d+[a-z]?)")


def link_citation(match: re.Match[str]) -> str:
    page, section, bare = match.groups()
    section = section or bare
    page = page or "protocol"
    if not (HERE / f"{page}.md").exists():
        return f"``docs/{page}.md``"
    if section is None:
        return f":doc:`/{page}`"
    return f":ref:`{page} §{section} <{page} §{section}>`"


def tidy_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Citations of our pages become links; RFCs have sections of their own."""
    if what == "data":
        lines[:] = DATA_DOCS.get(name, lines)
    text = re.sub(r"RFC \d+ §", lambda m: m[0].replace("§", "\0"), "\n".join(lines))
    lines[:] = CITED.sub(link_citation, text).replace("\0", "§").split("\n")


def tidy_bases(app: Sphinx, name: str, obj: type, options: object, bases: list[Any]) -> None:
    """Private bases are none of the reader's business: their members are shown as inherited."""
    private = [b for b in bases if inspect.isclass(b) and b.__module__.startswith(OURS)]
    shown = [b for b in bases if b not in private or f"{b.__module__}.{b.__name__}" in HOMES]
    bases[:] = shown or [object]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", resolve)
    app.connect("doctree-read", leave_builtins_alone)
    app.connect("doctree-read", label_sections)
    app.connect("autodoc-process-docstring", tidy_docstring)
    app.connect("autodoc-process-bases", tidy_bases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
