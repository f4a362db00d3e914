"""The lineage of a run's records: from a line of source code to a verdict, and back.

    snippet -> requests -> row -> judgements -> checkpoints -> answers -> verdicts

`walk` finds the record that an id names and everything before and after it; `tell` puts that into lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from magicoder_core import jsonl, plugins, recipe
from magicoder_core.asking.journal import Entry, entries
from magicoder_core.asking.reading import Reader
from magicoder_core.errors import MagicoderError, RunError
from magicoder_core.records import Reply
from magicoder_core.rundir import RunDirectory

CHECKPOINT = "checkpoint"
_WIDTH = 100
_SHORTEST = 4
"""Characters of an id that are enough to look it up by."""

_SHOWN = 20
"""So many steps of one kind are told one by one; of more, the number is told."""


@dataclass(frozen=True)
class Step:
    """One record on the way: where it stands to the one asked for (-1 before, 0 itself, 1 after), what it says."""

    side: int
    kind: str
    id: str
    says: str
    record: dict[str, Any]

    def facts(self) -> dict[str, Any]:
        """For programs."""
        side = {-1: "before", 0: "itself", 1: "after"}[self.side]
        return {"side": side, "kind": self.kind, "id": self.id, "record": self.record}


class Graph:
    """The records of a run, by id, with who came from whom."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    def _rows(self, name: str) -> Iterable[dict[str, Any]]:
        path = self.directory / name
        return jsonl.read(path) if path.exists() else ()

    @cached_property
    def snippets(self) -> dict[str, dict[str, Any]]:
        """By id."""
        return {row["id"]: row for row in self._rows("snippets.jsonl")}

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """All rows that were made, by id; one that a filter dropped has ``rejected``."""
        made = {row["id"]: row for row in self._rows("instructions.jsonl")}
        made |= {row["id"]: row | {"kept": True} for row in self._rows("kept.jsonl")}
        made |= {row["id"]: row for row in self._rows("rejected.jsonl")}
        # Rows of other files, which a trainer was given beside the run's own.
        mixed = (row for name in self.checkpoints for row in self._rows(f"{name}.rows.jsonl"))
        return {row["id"]: row for row in mixed} | made

    @cached_property
    def failed(self) -> dict[str, dict[str, Any]]:
        """Why a snippet has no row, by the snippet's id."""
        return {row["snippet"]: row for row in self._rows("failed.jsonl")}

    @cached_property
    def requests(self) -> dict[str, dict[str, Entry]]:
        """By the request's id, and by the teacher that was asked (two models get the same problems), its last attempt."""
        found: dict[str, dict[str, Entry]] = {}
        for entry in entries(self.directory / "journal.jsonl"):
            found.setdefault(entry.request.id, {})[entry.teacher] = entry
        return found

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """The teachers of the run's recipe, by their identity in the journal: they read what they were sent."""
        path = self.directory / "recipe.json"
        if not path.is_file():
            return {}
        try:
            plan = recipe.bind(recipe.read(path), plugins.catalogue())
        except MagicoderError:  # a plugin that is not installed here: answers stay unread
            return {}
        chosen = [bound for bound in (plan.teacher, plan.model) if bound]
        return {
            f"{bound.name}:{bound.provider.identity}": Reader(bound.provider, bound.name, bound.provider.price())
            for bound in chosen
        }

    @property
    def filters(self) -> list[str]:
        """The filters that rows went through, in order."""
        return [item["use"] for item in self.directory.stages.get("filter", {}).get("key", {}).get("filters", [])]

    @cached_property
    def answers(self) -> list[dict[str, Any]]:
        """All answers to benchmark problems, each with its verdict, the benchmark and the model's label."""
        return [answer for report in self._reports() for answer in self._answers(report)]

    @cached_property
    def checkpoints(self) -> dict[str, dict[str, Any]]:
        """What the trainers made, by the checkpoints' names, in order."""
        stage = self.directory.stages.get("train", {})
        if stage.get("status") != "done":
            return {}
        last: dict[str, Any] = stage["counts"]
        earlier = enumerate(last.get("earlier", ()), 1)
        return {f"{CHECKPOINT}s/{number}": made for number, made in earlier} | {CHECKPOINT: last}

    def before(self, name: str) -> str:
        """The checkpoint that the one of that name goes on from, known by its content; empty where there is none."""
        made, names = self.checkpoints[name], list(self.checkpoints)
        earlier = reversed(names[: names.index(name)])
        # Runs of earlier versions have its name at that time.
        known = (made.get("from"), made["base_model"])
        return next((item for item in earlier if self.checkpoints[item]["digest"] in known or item in known), "")

    def chain(self, name: str) -> list[str]:
        """The checkpoint of that name and those that it goes on from, the first one first."""
        found = [name] if name in self.checkpoints else []
        while found and (base := self.before(found[0])):
            found.insert(0, base)
        return found

    @cached_property
    def _mixed(self) -> dict[str, set[str]]:
        """The rows that a trainer was given, by its checkpoint, where they are not just the run's own."""
        files = {name: f"{name}.rows.jsonl" for name, made in self.checkpoints.items() if "sources" in made}
        return {name: {row["id"] for row in self._rows(file)} for name, file in files.items()}

    def learned(self, name: str, row: Mapping[str, Any]) -> bool:
        """Whether a row is among those that the trainer of a checkpoint was given."""
        return row["id"] in self._mixed[name] if name in self._mixed else bool(row.get("kept"))

    def _reports(self) -> list[str]:
        """Folders of answers; of a finished evaluation only those that it has made: others are of former trainers."""
        found = self.directory.path.glob("**/report.json")
        folders = sorted(path.parent.relative_to(self.directory.path).as_posix() for path in found)
        stage = self.directory.stages.get("evaluate", {})
        made = stage.get("output", {}) if stage.get("status") in {"done", "outdated"} else {}
        return [folder for folder in folders if not made or f"{folder}/report.json" in made]

    def _answers(self, folder: str) -> Iterator[dict[str, Any]]:
        benchmark, _, model = folder.partition("/")
        label = model or "scored"
        verdicts = {(row["task_id"], row["sample"]): row for row in self._rows(f"{folder}/verdicts.jsonl")}
        for sample in self._rows(f"{folder}/samples.jsonl"):
            verdict = verdicts.get((sample["task_id"], sample["sample"]), {})
            yield {"benchmark": benchmark, "model": label, **sample, **verdict}


def walk(directory: RunDirectory, given: str) -> list[Step]:
    """The steps before the record that ``given`` names, the record, and the steps after it.

    Raises:
        RunError: no record of the run has that id, or several begin with it.
    """
    graph = Graph(directory)
    kind, found = _named(graph, given)
    return _WALKS[kind](graph, found)


def _named(graph: Graph, given: str) -> tuple[str, str]:
    """The kind and the whole id of what was asked for."""
    if given in graph.checkpoints:
        return CHECKPOINT, given
    places: dict[str, Iterable[str]] = {
        "row": graph.rows,
        "snippet": graph.snippets,
        "request": graph.requests,
        "problem": {answer["task_id"] for answer in graph.answers},
    }
    hits = {(kind, name) for kind, names in places.items() for name in names if name == given}
    if not hits and len(given) >= _SHORTEST:
        hits = {(kind, name) for kind, names in places.items() for name in names if name.startswith(given)}
    if len(hits) == 1:
        return hits.pop()
    if hits:
        raise RunError(f"'{given}': {len(hits)} records begin so: {', '.join(sorted(name for _, name in hits)[:5])}")
    raise RunError(
        f"'{given}': no record of {graph.directory.path} has this id; ids are in snippets.jsonl, instructions.jsonl, "
        "journal.jsonl and <benchmark>/samples.jsonl"
    )


def _of_row(graph: Graph, name: str) -> list[Step]:
    row = graph.rows[name]
    before = [*_snippet(graph, -1, row["parent"])]
    for request in row["requests"]:
        before += _requests(graph, -1, request)
    return [*before, _row(0, row), *_after_row(graph, row)]


def _of_snippet(graph: Graph, name: str) -> list[Step]:
    asked = [entry for found in graph.requests.values() for entry in found.values() if entry.parent == name]
    rows = [row for row in graph.rows.values() if row["parent"] == name]
    failure = graph.failed.get(name)
    steps = [*_snippet(graph, 0, name), *(_request(1, entry, graph.readers) for entry in asked)]
    if failure:
        steps.append(Step(1, "no row", "", f"{failure['reason']}: {_short(failure['detail'])}", failure))
    for row in rows:
        steps += [_row(1, row), *_after_row(graph, row)]
    return steps


def _of_request(graph: Graph, name: str) -> list[Step]:
    parents = {entry.parent: None for entry in graph.requests[name].values()}
    rows = [row for row in graph.rows.values() if name in row["requests"]]
    answers = [answer for answer in graph.answers if answer["request"] == name]
    before = [step for parent in parents for step in _snippet(graph, -1, parent)]
    steps = [*before, *_checkpoints(graph, -1, answers), *_requests(graph, 0, name)]
    for row in rows:
        steps += [_row(1, row), *_after_row(graph, row)]
    return steps + [_answer(1, answer) for answer in answers]


def _of_problem(graph: Graph, name: str) -> list[Step]:
    answers = [answer for answer in graph.answers if answer["task_id"] == name]
    made = _checkpoints(graph, -1, answers)
    kept = _lessons(graph, [step.id for step in made])
    requests = {item["request"]: None for item in answers}
    asked = [step for request in requests for step in _requests(graph, -1, request)]
    return [*kept, *made, *asked, *(_answer(0, answer) for answer in answers)]


def _of_checkpoint(graph: Graph, name: str) -> list[Step]:
    *before, itself = chain = graph.chain(name)
    steps = [*_lessons(graph, chain), *(_checkpoint(graph, -1, item) for item in before)]
    steps.append(_checkpoint(graph, 0, itself))
    after = [item for item in graph.checkpoints if item != name and name in graph.chain(item)]
    steps += [_checkpoint(graph, 1, item) for item in after]
    return steps + [_answer(1, answer) for answer in graph.answers if _tested(answer) == name]


def _lessons(graph: Graph, names: Sequence[str]) -> list[Step]:
    """The rows that any of these checkpoints learned from."""
    return [_row(-1, row) for row in graph.rows.values() if any(graph.learned(name, row) for name in names)]


_WALKS: dict[str, Callable[[Graph, str], list[Step]]] = {
    "row": _of_row,
    "snippet": _of_snippet,
    "request": _of_request,
    "problem": _of_problem,
    CHECKPOINT: _of_checkpoint,
}


def _after_row(graph: Graph, row: dict[str, Any]) -> list[Step]:
    """The filters' word on a row, and the model that learned from it with its verdicts."""
    if why := row.get("rejected"):
        return [Step(1, "judgement", "", f"dropped by {_said(why)}", why)]
    return [*(_judgement(graph, row) if row.get("kept") else []), *_outcome(graph, row)]


def _judgement(graph: Graph, row: dict[str, Any]) -> list[Step]:
    """The word of the filters on a row that all of them kept."""
    kept_by = ", ".join(graph.filters) or "no filter to pass"
    flags = row.get("flags", [])
    said = f"; scores {jsonl.dumps(row['scores'])}" if row["scores"] else ""
    said += "".join(f"; {_said(flag)}" for flag in flags)
    facts = {"filters": graph.filters, "scores": row["scores"]} | ({"flags": flags} if flags else {})
    return [Step(1, "judgement", "", f"kept by {kept_by}{said}", facts)]


def _outcome(graph: Graph, row: dict[str, Any]) -> list[Step]:
    """The checkpoints that have learned from a row, and their verdicts."""
    taught = [name for name in graph.checkpoints if any(graph.learned(item, row) for item in graph.chain(name))]
    answers = [answer for answer in graph.answers if _tested(answer) in taught]
    return [*(_checkpoint(graph, 1, name) for name in taught), *(_answer(1, answer) for answer in answers)]


def _said(note: Mapping[str, Any]) -> str:
    """A filter's word, with its evidence as JSON."""
    evidence = f"  {jsonl.dumps(note['evidence'])}" if note.get("evidence") else ""
    return f"{note['filter']}: {note['reason']}{evidence}"


def _snippet(graph: Graph, side: int, name: str) -> list[Step]:
    if name not in graph.snippets:
        return []
    snippet = graph.snippets[name]
    origin = snippet["origin"]
    lines = f", lines {origin['lines'][0]}-{origin['lines'][1]}" if origin["lines"] else ""
    source = " ".join(item for item in (origin["repository"] or origin["corpus"], origin["revision"]) if item)
    licence = origin["licence"] or "unknown"
    says = f"{source}: {origin['path']}{lines}; licence {licence}; {snippet['language']}"
    return [Step(side, "snippet", name, says, snippet)]


def _requests(graph: Graph, side: int, name: str) -> list[Step]:
    return [_request(side, entry, graph.readers) for entry in graph.requests.get(name, {}).values()]


def _request(side: int, entry: Entry, readers: Mapping[str, Reader]) -> Step:
    reply = _reply(entry, readers)
    end = f"{entry.error}: {entry.message}" if entry.error else "an answer that cannot be read"
    if reply is not None:
        price = "price unknown" if reply.usage.usd is None else f"{reply.usage.usd:.6f} USD"
        end = f"{reply.usage.prompt_tokens} + {reply.usage.completion_tokens} tokens, {price}, {reply.finish_reason}"
    facts = replace(entry, body=None, reply=reply).to_dict()
    return Step(side, "request", entry.request.id, f"{entry.teacher}: {end}", facts)


def _reply(entry: Entry, readers: Mapping[str, Reader]) -> Reply | None:
    """The answer of an entry, read by the teacher of the run's recipe and priced as it is today."""
    reader = readers.get(entry.teacher)
    if reader is None:
        return entry.reply
    try:
        return reader.read(entry)
    except MagicoderError:
        return None


def _row(side: int, row: dict[str, Any]) -> Step:
    return Step(side, "row", row["id"], f"{row['method']}, {row['language']}: {_short(row['problem'])}", row)


def _checkpoints(graph: Graph, side: int, answers: list[dict[str, Any]]) -> list[Step]:
    """The tuned models whose answers these are, with those that they go on from."""
    tested = {name for answer in answers for name in graph.chain(_tested(answer))}
    return [_checkpoint(graph, side, name) for name in graph.checkpoints if name in tested]


def _tested(answer: Mapping[str, Any]) -> str:
    """The name of the checkpoint that gave an answer; no checkpoint's name where it is another model's."""
    if answer["model"] == "scored":
        return CHECKPOINT
    return f"{CHECKPOINT}s/{number}" if (number := answer["model"].removeprefix("trainer-")).isdecimal() else ""


def _checkpoint(graph: Graph, side: int, name: str) -> Step:
    made = graph.checkpoints[name]
    of = "".join(f", {number} of {source}" for source, number in made.get("sources", {}).items())
    says = f"{graph.before(name) or made['base_model']} tuned on {made['rows']} rows{of}; sha256 {made['digest'][:16]}"
    return Step(side, CHECKPOINT, name, says, made)


def _answer(side: int, answer: dict[str, Any]) -> Step:
    says = (
        f"{answer['benchmark']}, {answer['model']} model, sample {answer['sample']}: {answer.get('status', 'unjudged')}"
    )
    detail = f" ({_short(answer['detail'])})" if answer.get("detail") else ""
    return Step(side, "verdict", answer["task_id"], says + detail, answer)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def tell(steps: Iterable[Step]) -> Iterator[str]:
    """The steps in lines, the one asked for marked with ``>``; long lists of one kind are counted."""
    told: dict[tuple[int, str], int] = {}
    for step in steps:
        number = told[step.side, step.kind] = told.get((step.side, step.kind), 0) + 1
        if number <= _SHOWN:
            yield f"{'>' if step.side == 0 else ' '} {step.kind:<10} {step.id:<18} {step.says}"
    for (_, kind), number in told.items():
        if number > _SHOWN:
            yield f"  ... and {number - _SHOWN} more of kind {kind}; --json has them all"
