"""Prompts: templates that become the turns of a conversation, and the sections of a model's answer.

A template is a Jinja2 file, packaged in ``templates/prompts/`` or anywhere on disk. Blocks named ``system``,
``example_request``, ``example_answer`` and ``request`` become turns of their own, in that order; a template without
blocks is one user turn. A file that does not end in ``.jinja`` is taken as written, with ``{name}`` for each value:
the published prompt of OSS-Instruct is such a file, with ``{code}``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicoder_core.answers import PROBLEM_AND_SOLUTION, Fence, Unparsed, fences, sections
from magicoder_core.errors import RecipeError
from magicoder_core.records import Message, Role
from magicoder_core.resources import templates

if TYPE_CHECKING:
    from jinja2 import Environment, Template

__all__ = ["PROBLEM_AND_SOLUTION", "Fence", "Unparsed", "fences", "render", "sections", "turns"]

TURNS: Mapping[str, Role] = {
    "system": "system",
    "example_request": "user",
    "example_answer": "assistant",
    "request": "user",
}
"""The blocks of a template that are turns, in the order of the conversation."""


def render(name_or_path: str, **values: Any) -> str:
    """A whole template as one text, without white space around it.

    Raises:
        RecipeError: there is no such template, it is no Jinja, or it uses a value that is not given.
    """
    path = _path(name_or_path)
    if path.suffix != ".jinja":
        return _filled(path, values)
    return "".join(_run(path, values, ())).strip()


def turns(name_or_path: str, *, example: bool = True, **values: Any) -> tuple[Message, ...]:
    """A template as the turns of a conversation; without ``example`` its example turns are left out.

    Raises:
        RecipeError: as `render`.
    """
    path = _path(name_or_path)
    if path.suffix != ".jinja":
        return (Message(role="user", content=_filled(path, values)),)
    wanted = [name for name in TURNS if example or not name.startswith("example_")]
    whole, *blocks = _run(path, values, wanted)
    told = [Message(role=TURNS[name], content=text.strip()) for name, text in zip(wanted, blocks, strict=True) if text]
    return tuple(told) or (Message(role="user", content=whole.strip()),)


def _path(name: str) -> Path:
    """A file of that path if there is one, else the packaged template of that name."""
    folder = templates() / "prompts"
    for path in (Path(name).expanduser(), folder / name, folder / f"{name}.jinja"):
        if path.is_file():
            return path
    packaged = sorted(path.name.removesuffix(".jinja") for path in folder.iterdir())
    near = difflib.get_close_matches(name, packaged, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"packaged are: {', '.join(packaged)}"
    raise RecipeError(f"no prompt template '{name}', neither as a file nor packaged; {hint}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"prompt template '{path}': {error}") from error


def _filled(path: Path, values: Mapping[str, Any]) -> str:
    """The text with each ``{name}`` replaced, in one pass; other braces stay (str.format would trip over code)."""
    names = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({names})\}}", lambda found: str(values[found[1]]), _text(path)) if values else _text(path)


def _run(path: Path, values: Mapping[str, Any], blocks: list[str] | tuple[str, ...]) -> list[str]:
    """The whole template's text, then that of each block (empty where the template has none)."""
    from jinja2 import TemplateError

    try:
        template = _compiled(path, _text(path))
        context = template.new_context(dict(values))
        # The whole comes first: it defines the macros that the blocks share.
        whole = "".join(template.root_render_func(context))
        return [whole, *("".join(template.blocks[name](context)) if name in template.blocks else "" for name in blocks)]
    except TemplateError as error:
        line = f":{error.lineno}" if hasattr(error, "lineno") else ""
        raise RecipeError(f"prompt template '{path}{line}': {error}") from error


@cache
def _compiled(path: Path, text: str) -> Template:
    """Compiled once for each state of the file; ``path`` is for error messages."""
    template = _environment().from_string(text)
    template.filename = str(path)
    return template


@cache
def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Sandboxed: a template may come with somebody else's recipe. No escaping: prompts are no HTML.
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates() / "prompts"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
