"""Filter ``judge``: a model grades each row on several axes, and says why.

The default axes are the three of OpenCodeInstruct (arXiv 2504.04030, section 3: conformance with the requirements, logical
correctness, edge cases), in our own words, and how clear the problem is. What scores are worth depends on the model, so
none is enforced by default: look at their distribution first, then set ``min_score`` or ``min_mean``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from magicoder_core import Ask, AskingFilter, Instruction, Judgement, Message, Reply, Request, Sampling, TeacherError

if TYPE_CHECKING:
    from magicoder_core.prompts import Template
    from magicoder_quality.grading import Grade

AXES: Mapping[str, str] = {
    "conformance": "does the solution do all that the problem asks for, in the form that it asks for, and nothing else?",
    "correctness": "is its logic right for ordinary input: does the code run, and does it compute what it should?",
    "edge-cases": "does it handle empty, extreme, duplicate, invalid and otherwise unusual input that the problem allows?",
    "clarity": "is the problem itself complete and unambiguous, so that one could solve it without guessing?",
}
"""What is asked by default, by the name of the axis."""

LOWEST, HIGHEST = 1, 5
NO_JUDGEMENT = "no judgement"

_TEMPLATE = Path(__file__).parent / "templates" / "judge.jinja"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SHOWN = 300
_ECHO = 2000
_UNANSWERED = frozenset({"content_filter", "malformed"})
_AGAIN = (
    "That could not be read. Answer with the JSON object alone, in the form that was asked for, with a whole number from {lowest} "
    "to {highest} as the score of each of: {axes}. Keep each reason to one sentence."
)

_GRAMMAR = r"""root ::= "{{" {grades} "}}"
grade ::= "{{\"reason\": \"" sign{{1,400}} "\", \"score\": " ({score}) "}}"
sign ::= [^"\\\x00-\x1f] | "\\" ["\\nt]
"""


@dataclass(frozen=True, kw_only=True)
class Judge(AskingFilter):
    """Has a model grade each row on several axes from 1 to 5, with reasons; grades are scores, dropping is a choice."""

    axes: Annotated[Mapping[str, str], "what is graded, as a table: the axis and the question about it"] = field(
        default_factory=lambda: dict(AXES)
    )
    min_score: Annotated[float | None, "drop a row that has less than this on any axis"] = None
    min_mean: Annotated[float | None, "drop a row whose mean over the axes is less than this"] = None
    explain: Annotated[bool, "flag each row that is kept with the reasons for its grades, else only in the journal"] = (
        False
    )
    template: Annotated[str | None, "a prompt of your own (a Jinja file); none: the packaged one"] = None
    temperature: Annotated[float | None, "0 for the likeliest answer; none: the teacher's"] = 0.0
    max_tokens: Annotated[int | None, "longest answer in tokens; none: the teacher's"] = 1024
    max_characters: Annotated[int, "a longer row (problem and solution together) is not asked about"] = 40_000

    def __post_init__(self) -> None:
        """Refuse what makes no question.

        Raises:
            ValueError: there is no axis, a name is none, or a number is off its scale.
        """
        if not self.axes:
            raise ValueError("axes must name at least one")
        for name in self.axes:
            if not _NAME.fullmatch(name) or name == "mean":
                raise ValueError(
                    f"axes: '{name}' is no name; use lower-case letters, digits and hyphens, and not 'mean'"
                )
        for option in ("min_score", "min_mean"):
            value = getattr(self, option)
            if value is not None and not LOWEST <= value <= HIGHEST:
                raise ValueError(f"{option} must be between {LOWEST} and {HIGHEST} (got {value:g})")
        for option in ("max_tokens", "max_characters"):
            value = getattr(self, option)
            if value is not None and value < 1:
                raise ValueError(f"{option} must be at least 1 (got {value})")

    def inputs(self) -> Mapping[str, Path]:
        """The template, where one is given."""
        return {"template": Path(self.template).expanduser()} if self.template else {}

    def provenance(self) -> Mapping[str, str]:
        """The template's hash: grades of another prompt cannot be compared."""
        return {"template_sha256": self._template.sha256}

    def check(self) -> None:
        """Look whether the template can be used.

        Raises:
            RecipeError: there is none, or it is wrong.
        """
        self._turns(Instruction(problem="", solution="", language="python", method="", parent=""))

    async def assess(self, row: Instruction, ask: Ask) -> Judgement:
        """Ask once, and a second time, in other words, where the answer cannot be read.

        Scores: ``judge.<axis>`` and ``judge.mean``. Evidence, where a row is dropped (or flagged, with
        ``explain``), is the ``scores`` and the ``reasons`` by axis. A row of which no answer can be read is kept without scores and flagged ``no judgement``, and so is one that the
        provider's own filter refuses or that is longer than ``max_characters``.

        Raises:
            TeacherError: there was no answer.
            RecipeError: the template is wrong.
        """
        size = len(row.problem) + len(row.solution)
        if size > self.max_characters:
            return _none(f"{size} characters; max_characters = {self.max_characters}")
        try:
            return await self._asked(row, ask)
        except TeacherError as error:
            # What concerns this row alone must not stop the others.
            if error.kind not in _UNANSWERED:
                raise
            return _none(f"{error.kind}: {error}")

    async def _asked(self, row: Instruction, ask: Ask) -> Judgement:
        turns, sampling = self._turns(row), self._sampling(ask)
        reply = await ask(Request(messages=turns, sampling=sampling))
        found = self._read(reply)
        if found is None:
            reply = await ask(Request(messages=(*turns, *self._again(reply)), sampling=sampling))
            found = self._read(reply)
        return self._judged(found) if found else _none(reply.text[-_SHOWN:])

    def _again(self, reply: Reply) -> tuple[Message, ...]:
        """What is said to an answer that cannot be read; another request, so that the journal does not give it again."""
        said = _AGAIN.format(lowest=LOWEST, highest=HIGHEST, axes=", ".join(self.axes))
        echoed = reply.text[:_ECHO] or "(no text)"
        return Message(role="assistant", content=echoed), Message(role="user", content=said)

    def _read(self, reply: Reply) -> dict[str, Grade] | None:
        from magicoder_quality.grading import grades

        return grades(reply.text, list(self.axes), LOWEST, HIGHEST)

    def _judged(self, found: Mapping[str, Grade]) -> Judgement:
        given = {axis: grade.score for axis, grade in found.items()}
        mean = sum(given.values()) / len(given)
        scores = {f"judge.{axis}": score for axis, score in given.items()} | {"judge.mean": mean}
        worst = min(given, key=lambda axis: given[axis])
        reason = None
        if self.min_score is not None and given[worst] < self.min_score:
            reason = f"{worst} below {self.min_score:g}"
        elif self.min_mean is not None and mean < self.min_mean:
            reason = f"mean below {self.min_mean:g}"
        keep = reason is None
        if keep and not self.explain:
            return Judgement(keep=True, scores=scores)
        reasons = {axis: grade.reason for axis, grade in found.items() if grade.reason}
        evidence = {"scores": given, "reasons": reasons}
        return Judgement(keep=keep, reason=reason or "graded", evidence=evidence, scores=scores)

    def _turns(self, row: Instruction) -> tuple[Message, ...]:
        fence = "`" * max(4, *(len(run) + 1 for run in re.findall(r"`+", f"{row.problem}\n{row.solution}")), 0)
        return self._template.turns(
            axes=dict(self.axes),
            language=row.language,
            problem=row.problem,
            solution=row.solution,
            fence=fence,
            lowest=LOWEST,
            highest=HIGHEST,
        )

    @cached_property
    def _template(self) -> Template:
        from magicoder_core import prompts

        return prompts.template(self.template or str(_TEMPLATE))

    def _sampling(self, ask: Ask) -> Sampling:
        schema = self._schema if ask.supports("json_schema") else None
        grammar = self._grammar if schema is None and ask.supports("grammar") else None
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens, json_schema=schema, grammar=grammar)

    @cached_property
    def _grammar(self) -> str:
        """The same form as GBNF, for engines that take only that."""
        grades = ' "," '.join(f'"\\"{axis}\\": " grade' for axis in self.axes)
        score = " | ".join(f'"{number}"' for number in range(LOWEST, HIGHEST + 1))
        return _GRAMMAR.format(grades=grades, score=score)

    @cached_property
    def _schema(self) -> str:
        grade: dict[str, Any] = {
            "type": "object",
            # In this order: a score that comes after its reason is the better one.
            "properties": {
                "reason": {"type": "string"},
                "score": {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))},
            },
            "required": ["reason", "score"],
            "additionalProperties": False,
        }
        return json.dumps(
            {
                "type": "object",
                "properties": dict.fromkeys(self.axes, grade),
                "required": list(self.axes),
                "additionalProperties": False,
            }
        )


def _none(detail: str) -> Judgement:
    return Judgement(keep=True, reason=NO_JUDGEMENT, evidence={"detail": detail})
