"""Prompts: templates that become the turns of a conversation, and the sections of a model's answer.

A template is a Jinja2 file, packaged in ``templates/prompts/`` or anywhere on disk. Blocks named ``system``,
``example_request``, ``example_answer`` and ``request`` become turns of their own, in that order; a template without
blocks is one user turn. A file that does not end in ``.jinja`` is taken as written, with ``{name}`` for each value:
the published prompt of OSS-Instruct is such a file, with ``{code}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicoder_core.prompts.template import TURNS, Template, template
from magicoder_core.records import Message

if TYPE_CHECKING:
    from magicoder_core.answers import PROBLEM_AND_SOLUTION, Fence, Unparsed, fences, has_code, sections

__all__ = [
    "PROBLEM_AND_SOLUTION",
    "TURNS",
    "Fence",
    "Template",
    "Unparsed",
    "fences",
    "has_code",
    "render",
    "sections",
    "template",
    "turns",
]


def __getattr__(name: str) -> Any:
    """What reads answers, loaded when it is first asked for: its patterns take as long as the rest of the core."""
    from magicoder_core import answers

    if name in __all__:
        return getattr(answers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def render(name_or_path: str, **values: Any) -> str:
    """A whole template as one text, without white space around it.

    Raises:
        RecipeError: there is no such template, it is no Jinja, or it uses a value that is not given.
    """
    return template(name_or_path).render(**values)


def turns(name_or_path: str, *, example: bool = True, **values: Any) -> tuple[Message, ...]:
    """A template as the turns of a conversation; without ``example`` its example turns are left out.

    Raises:
        RecipeError: as `render`.
    """
    return template(name_or_path).turns(example=example, **values)
