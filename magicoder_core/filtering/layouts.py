"""How a row of anybody's data set becomes an `Instruction`.

Which columns mean what is told by their names alone, so that a row means the same in whatever file and place it stands:

    problem, solution               the published rows and our own records
    instruction, response           the original trainer's columns
    instruction [, input], output   Alpaca's; an input that is not blank follows the instruction as ``Input: ...``
    messages                        chat turns {role, content}; content may be a list of parts {type, text}
    conversations                   ShareGPT's turns {from, value}

The first that a row has is taken, in this order; ``--columns`` names other ones. Of a conversation all turns of the user
are the problem and all turns of the assistant the solution, so that nothing of a longer one escapes a filter. A trainer
would learn from that what nobody has said: of its conversations each must be one question and one answer.

Only ``problem`` is the statement of a problem; a column ``instruction`` and what a user says are instructions already, to
which a trainer adds nothing (`Instruction.wording`). Our own records say themselves which of them they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from magicoder_core.errors import RecipeError
from magicoder_core.plugins import did_you_mean
from magicoder_core.records import Instruction, Wording

Row = Mapping[str, Any]
Make = Callable[[Row], Instruction]
Pair = Callable[[Row], tuple[str, str]]

ROLES = ("problem", "solution", "messages", "seed", "language", "tests", "id", "parent")
"""What ``--columns`` may name a column for."""

_MOST = 1000
"""Sets of columns that are remembered; rows that each have others cost more, and no memory."""

# What `str.split` takes for white space in ASCII.
_SPACE = bytes([*range(9, 14), *range(28, 33)])
_FENCE = re.compile(r"`{3,}[ \t]*(?:\{\.)?([A-Za-z0-9+#._-]*)")
_SPELLED = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "cs": "csharp",
    "golang": "go",
    "js": "javascript",
    "objc": "objective-c",
    "py": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "shell",
    "ts": "typescript",
}
_ASSISTANT = frozenset({"assistant", "gpt", "chatgpt", "bing", "bard", "model"})
_USER = frozenset({"user", "human"})


class LayoutError(ValueError):
    """What is wrong with a row, and what to do; the caller says where it stands."""


class Layouts:
    """Makes instructions of rows.

    Args:
        columns: the column of each role that somebody named, see `named`.
        parents: what stands for a parent instead of its own id, by that id; others stand for themselves.
        learnt: the rows are a trainer's, whose columns nobody can name: a conversation must be one question and one
            answer.
    """

    def __init__(
        self,
        columns: Mapping[str, str] | None = None,
        parents: Mapping[str, str] | None = None,
        learnt: bool = False,  # noqa: FBT001, FBT002 - positional for pickle
    ) -> None:
        self._columns, self._parents, self._learnt = dict(columns or {}), parents or {}, learnt
        self._makers: dict[tuple[str, ...], Make] = {}

    def __reduce__(self) -> tuple[type[Layouts], tuple[Mapping[str, str], Mapping[str, str], bool]]:
        """Pickle what was given: what makes rows is made anew."""
        return Layouts, (self._columns, self._parents, self._learnt)

    def instruction(self, row: Row) -> Instruction:
        """The instruction in a row.

        Its ``id`` is the row's own where it has one, else made from the content when it is first asked for. ``parent``
        is the row's own, else a digest of its seed without white space; ``language`` is the column ``lang`` or
        ``language``, else the word after the solution's first fence, else empty.

        Raises:
            LayoutError: columns are missing, a value is no text, or a trainer cannot learn the conversation.
        """
        names = tuple(row)
        make = self._makers.get(names)
        if make is None:
            make = self._maker(names)
            if len(self._makers) >= _MOST:
                self._makers.clear()
            self._makers[names] = make
        return make(row)

    def _maker(self, names: Sequence[str]) -> Make:
        pair = _pair(names, self._columns, learnt=self._learnt)
        return _maker(names, self._columns, self._parents, pair)


def named(text: str | None) -> dict[str, str]:
    """The columns in ``problem=COL,solution=COL``, by role; an empty column stands for none.

    Raises:
        RecipeError: that is not its form, there is no such role, or one of a pair is missing.
    """
    columns: dict[str, str] = {}
    for part in (text or "").split(",") if text is not None else ():
        role, equals, column = (item.strip() for item in part.partition("="))
        if not equals:
            raise RecipeError(f"--columns {text}: write it as problem=COLUMN,solution=COLUMN")
        if role not in ROLES:
            hint = did_you_mean(role, ROLES) or f"; there are: {', '.join(ROLES)}"
            raise RecipeError(f"--columns {role}: no such part of a row{hint}")
        columns[role] = column
    if bool(columns.get("problem")) != bool(columns.get("solution")):
        raise RecipeError("--columns: problem and solution are needed together; name the columns of both")
    return columns


def _maker(names: Sequence[str], columns: Mapping[str, str], parents: Mapping[str, str], pair: Pair) -> Make:
    """What makes instructions of rows with these columns, of which ``pair`` takes problem and solution."""

    def column(role: str, *known: str) -> str | None:
        return columns[role] or None if role in columns else next((name for name in known if name in names), None)

    return _made(
        pair,
        seed=column("seed", "seed"),
        language=column("language", "lang", "language"),
        tests=column("tests", "tests"),
        own=column("id", "id"),
        parent=column("parent", "parent"),
        method=column("method", "method"),
        noted="scores" in names or "requests" in names,
        worded=_worded(names, columns),
        parents=parents,
    )


def _pair(names: Sequence[str], columns: Mapping[str, str], *, learnt: bool) -> Pair:
    """What finds problem and solution in rows with these columns."""
    for role, given in columns.items():
        if given and given not in names:
            hint = did_you_mean(given, names) or f"; there are: {_listed(names)}"
            raise LayoutError(f"no column '{given}' (--columns {role}={given}){hint}")
    turns = _exchange if learnt else _turns
    if columns.get("problem"):
        return _texts(columns["problem"], columns["solution"])
    if columns.get("messages"):
        return turns(columns["messages"])
    for one, other in (("problem", "solution"), ("instruction", "response"), ("instruction", "output")):
        if one in names and other in names:
            return _alpaca if other == "output" and "input" in names else _texts(one, other)
    for chat in ("messages", "conversations"):
        if chat in names:
            return turns(chat)
    remedy = "rename those that hold them" if learnt else "name them with --columns problem=COLUMN,solution=COLUMN"
    raise LayoutError(
        f"no columns problem and solution, instruction and response or output, messages or conversations; there are: "
        f"{_listed(names)}; {remedy}"
    )


def _worded(names: Sequence[str], columns: Mapping[str, str]) -> Callable[[Row], Wording]:
    """What tells whether the problem of rows with these columns is an instruction."""
    chosen = columns.get("problem")
    if not chosen:
        plain = not columns.get("messages") and "problem" in names and "solution" in names
        chosen = "problem" if plain else "instruction"
    if chosen == "instruction":
        return lambda _: "instruction"
    if "wording" in names:
        return lambda row: "instruction" if row["wording"] == "instruction" else "problem"
    return lambda _: "problem"


def _made(
    pair: Pair,
    *,
    seed: str | None,
    language: str | None,
    tests: str | None,
    own: str | None,
    parent: str | None,
    method: str | None,
    noted: bool,
    worded: Callable[[Row], Wording],
    parents: Mapping[str, str],
) -> Make:
    """Makes an instruction of a row, reading only the columns that there are."""

    def make(row: Row) -> Instruction:
        problem, solution = pair(row)
        above = _optional(row, parent, "parent") if parent is not None else ""
        if not above and seed is not None:
            above = _digest(_optional(row, seed, "seed"))
        above = parents.get(above, above)
        spoken = _optional(row, language, "language") if language is not None else ""
        made = Instruction(
            problem=problem,
            solution=solution,
            language=spoken or _fenced(solution),
            method=_optional(row, method, "method") if method is not None else "",
            parent=above,
            tests=_program(row, tests) if tests is not None else None,
            requests=_requests(row) if noted else (),
            scores=_scores(row) if noted else {},
            wording=worded(row),
        )
        if own is not None and (name := row[own]) and isinstance(name, str | int):
            object.__setattr__(made, "id", str(name))  # as `Identified.restored`: it is known by this name
        return made

    return make


def _texts(one: str, other: str) -> Pair:
    def pair(row: Row) -> tuple[str, str]:
        problem, solution = row[one], row[other]
        if problem.__class__ is not str or solution.__class__ is not str:
            name, value = (one, problem) if problem.__class__ is not str else (other, solution)
            raise LayoutError(_no_text(name, value))
        return problem, solution

    return pair


def _alpaca(row: Row) -> tuple[str, str]:
    problem, solution = _texts("instruction", "output")(row)
    further = row["input"]
    if further.__class__ is not str and further is not None:
        raise LayoutError(_no_text("input", further))
    # As the original trainer's data were made (`src/magicoder/preprocess_data.py` at 3ef43f0).
    return (f"{problem}\nInput: {further}" if further and further.strip() else problem), solution


def _turns(column: str) -> Pair:
    def pair(row: Row) -> tuple[str, str]:
        said: dict[bool, list[str]] = {True: [], False: []}
        for speaker, text in _said(row, column):
            if speaker in _USER or speaker in _ASSISTANT:
                said[speaker in _USER].append(text)
        return "\n\n".join(said[True]), "\n\n".join(said[False])

    return pair


def _exchange(column: str) -> Pair:
    """What takes one question and one answer, and refuses all else: nothing may be joined or left out."""

    def pair(row: Row) -> tuple[str, str]:
        # Many data sets have a turn of the system everywhere that says nothing.
        turns = [turn for turn in _said(row, column) if turn[0] != "system" or turn[1].strip()]
        match turns:
            case [(user, problem), (assistant, solution)] if user in _USER and assistant in _ASSISTANT:
                return problem, solution
        raise LayoutError(_refusal(column, [speaker for speaker, _ in turns]))

    return pair


def _refusal(column: str, speakers: Sequence[str]) -> str:
    """Why a trainer cannot learn a conversation of these speakers, and what to do."""
    many = len([speaker for speaker in speakers if speaker in _USER]) > 1
    if "system" in speakers:
        why, remedy = "has a turn of the system", "put what it says into the question"
    elif many:
        why, remedy = "has more than one exchange", "make a row of each"
    else:
        why, remedy = f"is no question with its answer (got {', '.join(speakers) or 'no turn'})", "mend it"
    return f"the conversation in '{column}' {why}, and a trainer learns one question with one answer; {remedy}, or leave it out"


def _said(row: Row, column: str) -> list[tuple[str, str]]:
    """Who says what, turn after turn."""
    turns = row[column]
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise LayoutError(f"the field '{column}' is no list of turns (got {turns!r:.40})")
    return [_turn(turn, f"{column}[{number}]") for number, turn in enumerate(turns)]


def _turn(turn: Any, where: str) -> tuple[str, str]:
    """Who speaks, and what."""
    if not isinstance(turn, Mapping):
        raise LayoutError(f"the field '{where}' is no turn {{role, content}} (got {turn!r:.40})")
    speaker = turn.get("role", turn.get("from"))
    content = turn.get("content", turn.get("value"))
    if not isinstance(speaker, str):
        raise LayoutError(
            f"the field '{where}' does not say who speaks: {{role, content}} or {{from, value}} is needed"
        )
    if isinstance(content, Sequence) and not isinstance(content, str):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    if content is None:  # a turn that only calls tools
        content = ""
    if not isinstance(content, str):
        raise LayoutError(_no_text(where, content))
    return speaker.lower(), content


def _optional(row: Row, column: str, role: str) -> str:
    """A text that need not be there."""
    value = row[column]
    if value.__class__ is str:
        text: str = value
        return text
    if value is None:
        return ""
    raise LayoutError(
        f"{_no_text(column, value)}; mend it, or rename the column; in `magicoder filter` --columns {role}= leaves it out"
    )


def _program(row: Row, column: str) -> str | None:
    """Tests as one program: a list of them, a line each."""
    value = row[column]
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return "\n".join(value) or None
    return _optional(row, column, "tests") or None


def _requests(row: Row) -> tuple[str, ...]:
    value = row.get("requests")
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _scores(row: Row) -> Mapping[str, float]:
    """What earlier filters measured; a column of that name that holds something else is somebody else's."""
    value = row.get("scores")
    if not isinstance(value, Mapping):
        return {}
    return {name: item for name, item in value.items() if isinstance(item, int | float)}


def _digest(seed: str) -> str:
    """What tells seeds apart, white space aside; nothing for no seed."""
    if not seed:
        return ""
    bare = (
        seed.encode("ascii").translate(None, _SPACE)
        if seed.isascii()
        else "".join(seed.split()).encode("utf-8", "surrogatepass")
    )
    return hashlib.blake2b(bare, digest_size=16).hexdigest()


def _fenced(solution: str) -> str:
    """The language that the first fence names."""
    start = solution.find("```")
    if start < 0 or (found := _FENCE.match(solution, start)) is None:
        return ""
    word = found[1].lower().rstrip(".")
    return _SPELLED.get(word, word)


def _no_text(name: str, value: Any) -> str:
    return f"the field '{name}' is no text (got {value!r:.40})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
