"""Write `docs/reference/*.md` from the code: command line, hooks, providers, recipe tables, records, models.

python docs/generate.py           write the pages
python docs/generate.py --check   write nothing; exit 1 and name the pages that are not what the code says
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

import magicoder_core
from magicoder_core import models, options, plugins, providers, recipe, records
from magicoder_core.hookspecs import KINDS, Hooks

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
HEAD = "<!-- Written by docs/generate.py from the code; edit the code instead. -->\n"
WIDTH = 100


def command_line() -> Iterator[str]:
    """Each command with what its `--help` prints."""
    main = importlib.import_module("magicoder_core.cli.main")
    group = next(value for value in vars(main).values() if isinstance(value, click.Group))
    yield "# Command line\n\nWhat `--help` prints, for each command.\n"
    context = click.Context(group, info_name="magicoder", terminal_width=WIDTH, max_content_width=WIDTH)
    yield _fenced(group.get_help(context), "text")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield from _command(command, name, context)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name)
    yield f"## `{context.command_path}`\n\n{_fenced(command.get_help(context), 'text')}"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            if (found := command.get_command(context, below)) is not None:
                yield from _command(found, below, context)


def hooks() -> Iterator[str]:
    """Each hook, and the base class of what it returns."""
    yield (
        "# Hooks\n\nWhat a plugin may implement: any of these functions, marked with `magicoder_core.hookimpl`. A hook "
        "returns classes by name and does no work. How to write a plugin: [Plugins](../plugins.md).\n"
    )
    for name, base in KINDS.items():
        hook = getattr(Hooks, name)
        yield f"## `{name}()`\n\n{inspect.getdoc(hook)}\n"
        yield _fenced(_signature(hook, drop_self=True), "python")
        kinds = (base, *(cls for cls in base.__subclasses__() if cls.__module__ == base.__module__))
        yield from (text for cls in kinds for text in _base_class(cls))
    yield from _base_class(providers.Ask)


def _base_class(cls: type) -> Iterator[str]:
    yield f"### `{cls.__name__}`\n\n{_prose(cls)}"
    if dataclasses.is_dataclass(cls):
        yield _option_table(cls)
    yield from (_fenced(_stub(member), "python") for member in _methods(cls))


def _methods(cls: type) -> Iterator[Callable[..., Any]]:
    """The public methods that a base class itself defines, in their order."""
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__call__"):
            yield function


def _stub(function: Callable[..., Any]) -> str:
    """A method's signature and docstring, as in the source."""
    node = _node(function)
    marks = [f"@{ast.unparse(mark)}" for mark in node.decorator_list]
    body = f'"""{inspect.getdoc(function)}"""'
    if "\n" in body:
        body = f'{body[:-3]}\n"""'
    return "\n".join([*marks, f"{_signature(function)}:", textwrap.indent(body, "    ")])


def _signature(function: Callable[..., Any], *, drop_self: bool = False) -> str:
    node = _node(function)
    if drop_self:
        node.args.args = node.args.args[1:]
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}"


def _node(function: Callable[..., Any]) -> ast.FunctionDef | ast.AsyncFunctionDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise TypeError(f"{function!r} is no function")
    return node


def all_providers() -> Iterator[str]:
    """Each provider with its options."""
    yield (
        "# Providers\n\nWhat a recipe's `use` may name, with the options of its table. `magicoder plugins NAME` prints "
        "the same for what is installed.\n"
    )
    found = plugins.catalogue().found
    for kind, base in KINDS.items():
        yield f"## {kind.replace('_', ' ').capitalize()}s\n\nTable `{_table(kind)}`, class `{base.__name__}`.\n"
        for item in sorted((item for item in found.values() if item.kind == kind), key=lambda item: item.name):
            yield f"### `{item.name}` ({kind.replace('_', ' ')})\n\nIn `{item.distribution}`.\n\n{_prose(item.provider)}"
            yield _option_table(item.provider)


def recipes() -> Iterator[str]:
    """The tables of a recipe."""
    yield (
        "# Recipe tables\n\nA missing table means that its stage does not run; an unknown one is an error. What recipes "
        "are for: [Recipes](../recipes.md).\n"
    )
    yield "At the top stand `name` (text, the run's name; default: the file's) and `seed` (integer, default 0).\n"
    yield "## Tables that choose a provider\n"
    rows = ((f"`{_table(name)}`", f"`use` names a {kind.replace('_', ' ')}") for name, kind in recipe.PROVIDERS.items())
    yield _rows(("table", "what it holds, besides that provider's options"), rows)
    for name, settings in recipe.SETTINGS.items():
        yield f"## `[{name}]`\n\n{_prose(settings)}"
        yield _option_table(settings)


def record_types() -> Iterator[str]:
    """The records with their fields."""
    yield f"# Records\n\n{_prose(records)}"
    for name in magicoder_core.__all__:
        cls = getattr(magicoder_core, name)  # classes, and two functions that the module's name leaves out
        if cls.__module__ == records.__name__ and dataclasses.is_dataclass(cls):
            yield f"## `{name}`\n\n{_prose(cls)}"
            fields = (
                (f"`{item.name}`", f"`{item.type}`", _field_default(item))
                for item in dataclasses.fields(cls)
                if item.name[0] != "_"
            )
            yield _rows(("field", "type", "default"), fields)


def _field_default(item: dataclasses.Field[Any]) -> str:
    if item.name == "id":
        return "made from the content"
    if item.default is not dataclasses.MISSING:
        return f"`{item.default!r}`"
    if item.default_factory is dataclasses.MISSING:
        return "required"
    made = item.default_factory()
    return f"`{dict(made) if isinstance(made, MappingProxyType) else made!r}`"


def model_catalogue() -> Iterator[str]:
    """The models that are known by name."""
    yield (
        "# Models known by name\n\nWhat `magicoder models fetch NAME` fetches, and what `model` of the teacher "
        "`llama-cpp` may name besides a path. Whatever the source, the sha256 decides.\n"
    )
    entries = sorted(models.catalogue().values(), key=lambda entry: entry.name)
    rows = (
        (f"`{entry.name}`", entry.description, f"{entry.size / 1e6:.0f} MB", entry.licence, f"`{entry.file}`")
        for entry in entries
    )
    yield _rows(("name", "what it is", "size", "licence", "file"), rows)


def _table(name: str) -> str:
    return f"[[{name}]]" if name in recipe.LISTED else f"[{name}]"


def _option_table(cls: type) -> str:
    rows = [
        (f"`{item.name}`", item.type, "required" if item.default is None else f"`{item.default}`", item.help)
        for item in options.options(cls)
    ]
    return _rows(("option", "type", "default", "what it is"), rows) if rows else ""


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = (" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) for line in lines)
    return "".join(f"| {line} |\n" for line in cells)


def _prose(thing: object) -> str:
    """A docstring as Markdown: what follows `::` is indented, which is code there too."""
    return f"{(inspect.getdoc(thing) or '').replace('::' + chr(10), ':' + chr(10))}\n"


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "cli": command_line,
    "hooks": hooks,
    "providers": all_providers,
    "recipe": recipes,
    "records": record_types,
    "models": model_catalogue,
}


def missing_plugins() -> list[str]:
    """Why the pages cannot be made here: plugins of this repository that are not installed or do not load."""
    listed = {item.distribution for item in plugins.catalogue().found.values()}
    ours = {f"magicoder-{path.parent.name}" for path in ROOT.glob("plugins/*/pyproject.toml")}
    return [*plugins.catalogue().broken, *(f"{name} is not installed" for name in sorted(ours - listed))]


def stale(*, write: bool) -> list[str]:
    """The pages that differ from the code; with ``write`` they are brought up to date."""
    differ = []
    for name, page in PAGES.items():
        path = REFERENCE / f"{name}.md"
        text = "\n".join([HEAD, *page()])
        if not path.exists() or path.read_text("utf-8") != text:
            differ.append(str(path.relative_to(ROOT)))
            if write:
                path.write_text(text, encoding="utf-8")
    return differ


def main() -> int:
    """Write or check; the exit status."""
    check = sys.argv[1:] == ["--check"]
    if missing := missing_plugins():
        print("docs/generate.py needs all plugins (nox -s dev):", *missing, sep="\n  ", file=sys.stderr)
        return 1
    differ = stale(write=not check)
    for name in differ:
        print(f"{name}: {'not what the code says; nox -s docs writes it anew' if check else 'written'}")
    return 1 if check and differ else 0


if __name__ == "__main__":
    sys.exit(main())
