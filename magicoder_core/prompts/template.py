"""One template: found by name, read once for each state of its file, rendered whole or in turns."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicoder_core.errors import RecipeError
from magicoder_core.records import Message, Role
from magicoder_core.resources import templates

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2 import Template as Compiled

TURNS: Mapping[str, Role] = {
    "system": "system",
    "example_request": "user",
    "example_answer": "assistant",
    "request": "user",
}
"""The blocks of a template that are turns, in the order of the conversation."""

_STATES = 64
_VARIANTS = 256
"""So many renderings are kept, of values that a template looks into, as a language is."""

_ONE_VALUE = 3
"""Texts of a turn that has one value between two of its own: nearly all are like this."""

Piece = Message | tuple[Role, tuple[str, ...]]
"""A turn that is always the same; or its role, the texts between pasted values, at every odd place the name of a value."""


def template(name_or_path: str) -> Template:
    """The packaged template of that name, or a file; as it stands on the disk now.

    Raises:
        RecipeError: there is no such template, or it cannot be read.
    """
    path = _path(name_or_path, _folder())
    try:
        state = os.stat(path)  # noqa: PTH116 - a tenth of the time of Path.stat, once for each request
        return _read(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:  # it was there when it was looked for
        _path.cache_clear()
        return _read(_path(name_or_path, _folder()), 0, 0)


def _folder() -> str:
    """Where relative names are looked for."""
    try:
        return os.getcwd()  # noqa: PTH109 - as above
    except FileNotFoundError:
        return ""


@lru_cache(maxsize=_STATES)
def _path(name: str, _: str) -> str:
    """A file of that path if there is one, else the packaged template of that name."""
    folder = templates() / "prompts"
    for path in (Path(name).expanduser(), folder / name, folder / f"{name}.jinja"):
        if path.is_file():
            return str(path)
    packaged = sorted(path.name.removesuffix(".jinja") for path in folder.iterdir())
    near = difflib.get_close_matches(name, packaged, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"packaged are: {', '.join(packaged)}"
    raise RecipeError(f"no prompt template '{name}', neither as a file nor packaged; {hint}")


@lru_cache(maxsize=_STATES)
def _read(path: str, _: int, __: int) -> Template:
    return Template(path)


class Template:
    """A template as its file was when it was read.

    Raises:
        RecipeError: the file cannot be read, or is no text.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        try:
            data = self.path.read_bytes()
            self.text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"prompt template '{path}': {error}") from error
        self.sha256 = hashlib.sha256(data).hexdigest()
        """Of the file's bytes, in hex."""
        self.jinja = self.path.suffix == ".jinja"
        self._looked_at: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._variants: dict[tuple[Any, ...] | None, tuple[Piece, ...]] = {}

    def render(self, **values: Any) -> str:
        """The whole template as one text, without white space around it.

        Raises:
            RecipeError: it is no Jinja, or uses a value that is not given.
        """
        return "".join(self._run(values, ())).strip() if self.jinja else self._filled(values)

    def turns(self, *, example: bool = True, **values: Any) -> tuple[Message, ...]:
        """The turns of a conversation; without ``example`` the template's example turns are left out.

        A value that the template only pastes, as a snippet's code, costs no rendering.

        Raises:
            RecipeError: as `render`.
        """
        if not self.jinja:
            return (Message(role="user", content=self._filled(values)),)
        names = tuple(values)
        looked_at = self._looked_at.get(names)
        if looked_at is None:
            looked_at = self._looked_at[names] = tuple(name for name in names if name not in self._pasted)
        key: tuple[Any, ...] | None = (example, names, *[(type(values[name]), values[name]) for name in looked_at])
        try:
            pieces = self._variants.get(key)
        except TypeError:  # a list or the like among the values
            pieces, key = None, None
        if pieces is None:
            pieces = self._pieces(key, example=example, values=values)
        told = []
        for piece in pieces:
            if isinstance(piece, Message):
                told.append(piece)
                continue
            role, texts = piece
            if len(texts) == _ONE_VALUE:
                before, name, after = texts
                content = f"{before}{values[name]}{after}"
            else:
                content = "".join([str(values[text]) if place % 2 else text for place, text in enumerate(texts)])
            if content or len(pieces) == 1:
                told.append(Message(role=role, content=content.strip()))
        return tuple(told)

    @cached_property
    def _pasted(self) -> frozenset[str]:
        from jinja2 import TemplateError

        from magicoder_core.prompts.pasting import pasted

        try:
            return pasted(_environment().parse(self.text))
        except TemplateError:
            return frozenset()  # rendering it will say what is wrong

    def _pieces(self, key: tuple[Any, ...] | None, *, example: bool, values: Mapping[str, Any]) -> tuple[Piece, ...]:
        """Render once, with a mark for each value that is only pasted."""
        marked = {name: f"\0{name}\0" if name in self._pasted else value for name, value in values.items()}
        wanted = [name for name in TURNS if example or not name.startswith("example_")]
        whole, *blocks = self._run(marked, wanted)
        told = [(TURNS[name], text) for name, text in zip(wanted, blocks, strict=True) if text] or [("user", whole)]
        pieces = tuple(_piece(role, text, self._pasted & values.keys()) for role, text in told)
        if len(self._variants) >= _VARIANTS:
            self._variants.clear()
        if key is not None:
            self._variants[key] = pieces
        return pieces

    def _filled(self, values: Mapping[str, Any]) -> str:
        """The text with each ``{name}`` replaced, in one pass; other braces stay (str.format would trip over code)."""
        if not values:
            return self.text
        names = "|".join(map(re.escape, values))
        return re.sub(rf"\{{({names})\}}", lambda found: str(values[found[1]]), self.text)

    def _run(self, values: Mapping[str, Any], blocks: Sequence[str]) -> list[str]:
        """The whole template's text, then that of each block (empty where the template has none)."""
        from jinja2 import TemplateError

        try:
            compiled = self._compiled
            context = compiled.new_context(dict(values))
            # The whole comes first: it defines the macros that the blocks share.
            whole = "".join(compiled.root_render_func(context))
            found = compiled.blocks
            return [whole, *("".join(found[name](context)) if name in found else "" for name in blocks)]
        except TemplateError as error:
            line = f":{error.lineno}" if hasattr(error, "lineno") else ""
            raise RecipeError(f"prompt template '{self.path}{line}': {error}") from error

    @cached_property
    def _compiled(self) -> Compiled:
        made = _environment().from_string(self.text)
        made.filename = str(self.path)
        return made


def _piece(role: Role, text: str, names: Iterable[str]) -> Piece:
    spelled = "|".join(map(re.escape, names))
    parts = re.split(rf"\0({spelled})\0", text) if spelled else [text]
    return (role, tuple(parts)) if len(parts) > 1 else Message(role=role, content=text.strip())


@lru_cache(maxsize=1)
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
