"""From a model's answer to the whole program."""

from __future__ import annotations

from collections.abc import Sequence

from magicoder_core.completing.finding import Candidate, Task, candidates, continuation
from magicoder_core.completing.parsing import NOTHING, Parsed, Tries, ranges
from magicoder_core.completing.reaching import reduced
from magicoder_core.completing.styles import STYLES

_FENCE = "```"


def extracted(prompt: str, entry_point: str, text: str, style: STYLES) -> str:
    """The whole program in an answer; as `magicoder_core.completing.program`."""
    task = Task(prompt, entry_point)
    if style == "magicoder":
        text = text.partition(_FENCE)[0]
    tries = Tries.for_answer(len(prompt) + len(text))
    for group in candidates(task, text, raw=style != "chat"):
        found = [
            (part, candidate)
            for candidate in group
            for part in ranges(candidate.code, task.defines, tries, begun=candidate.begun)
        ]
        # Sorting is stable: of two that are as long the first counts, as for EvalPlus.
        for part, candidate in sorted(found, key=lambda pair: -pair[0].lines):
            if code := reduced(part, _context(task, candidate, tries), entry_point):
                return code
    return _as_it_is(task, text)


def _context(task: Task, candidate: Candidate, tries: Tries) -> Sequence[Parsed]:
    """Code that stands before a candidate: first the prompt's, then that of other blocks which do not define the name."""
    if candidate.begun:
        return [NOTHING]
    others = [code for code in candidate.others if not task.defines.search(code)]
    found = [part for code in others if (part := tries.parsed(code)) is not None]
    return [tries.parsed(task.prelude) or NOTHING, *found]


def _as_it_is(task: Task, text: str) -> str:
    """The answer as what it claims to be, without a look at whether it parses."""
    group = next(filter(None, candidates(task, text, raw=False)), ())
    if not group:
        return continuation(task, text).code if task.is_begun else text
    return group[0].code if group[0].begun else f"{task.prelude}{group[0].code}"
