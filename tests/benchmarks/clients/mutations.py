"""Programs that are nearly right: reference solutions of HumanEval+ and MBPP+, each with one thing changed.

    python clients/mutations.py HumanEvalPlus.jsonl --number 400 --seed 11 > samples.jsonl

Samples of models are wrong in few ways; these are wrong (or, by luck, still right) in many: constants, comparisons and
branches are changed in the function itself, and around it the kind of value that it gives back, when it gives it, and
what it leaves behind. Nothing is run here, so the same seed gives the same programs everywhere.

Each line is a sample as `magicoder score` and EvalPlus take it, with one field more: ``mutation``, the change's name.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gzip
import json
import random
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCE = "reference"
Task = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """A program for one task, and how it differs from the reference solution."""

    task_id: str
    solution: str
    mutation: str

    def line(self) -> str:
        """It as a line of a samples file."""
        told = {"task_id": self.task_id, "solution": self.solution, "mutation": self.mutation}
        return json.dumps(told, ensure_ascii=False) + "\n"


def tasks(file: Path) -> list[Task]:
    """The tasks in a data file of EvalPlus, `.jsonl` or `.jsonl.gz`."""
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def references(given: list[Task]) -> list[Sample]:
    """The reference solution of each task."""
    return [Sample(str(task["task_id"]), _source(task), REFERENCE) for task in given]


def mutants(given: list[Task], number: int, seed: int = 11) -> list[Sample]:
    """``number`` programs that differ from references and from each other, half of them changed within the function."""
    chance = random.Random(seed)
    kinds_of = [(task, _kinds(task)) for task in given]
    fits = {name: chance.sample(given, len(given)) for name in EDITS}
    for name, wrap in WRAPS.items():
        telling = [task for task, kinds in kinds_of if wrap.get("kind", "") in {"", *kinds}]
        fits |= {name: chance.sample(telling, len(telling))} if telling else {}
    kinds = [chance.sample(names, len(names)) for names in ([*EDITS], [name for name in fits if name in WRAPS])]
    made: dict[str, Sample] = {}
    for turn in range(20 * number):
        half, names = turn // 2, kinds[turn % 2]
        name = names[half % len(names)]
        task = fits[name][half // len(names) % len(fits[name])]
        solution = _changed(task, name, chance)
        if solution:
            made.setdefault(solution, Sample(str(task["task_id"]), solution, name))
        if len(made) == number:
            break
    return sorted(made.values(), key=lambda sample: (sample.mutation, sample.task_id, sample.solution))


def _source(task: Task) -> str:
    return f"{task['prompt']}{task['canonical_solution']}"


def _changed(task: Task, name: str, chance: random.Random) -> str | None:
    if name in EDITS:
        return _edited(_source(task), EDITS[name], chance)
    return _wrapped(task, WRAPS[name])


# -- changes within the function ---------------------------------------------------------------------------------------

Edit = Callable[[ast.AST, random.Random], ast.AST | None]
"""Takes a node and returns what shall stand in its place, or None if it cannot be changed in this way."""


def _edited(source: str, edit: Edit, chance: random.Random) -> str | None:
    """``source`` with one node changed, which one is left to chance; None if there is none."""
    tree = ast.parse(source)
    places = list(_places(tree))
    chance.shuffle(places)
    for holder, field, index in places:
        where = getattr(holder, field)
        node = where if index is None else where[index]
        put = edit(copy.deepcopy(node), chance)
        if put is None:
            continue
        if index is None:
            setattr(holder, field, put)
        else:
            where[index] = put
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return None


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """All places in which a node stands, those in docstrings and annotations left out."""
    for holder in ast.walk(tree):
        for field, value in ast.iter_fields(holder):
            if field in {"annotation", "returns", "decorator_list", "type_comment", "names"}:
                continue
            if isinstance(value, ast.AST):
                yield holder, field, None
            elif isinstance(value, list):
                yield from ((holder, field, index) for index, each in enumerate(value) if isinstance(each, ast.AST))


def _off_by_one(node: ast.AST, chance: random.Random) -> ast.AST | None:
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return None
    return ast.Constant(node.value + chance.choice((-1, 1)))


_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}


def _swapped_comparison(node: ast.AST, _: random.Random) -> ast.AST | None:
    if not isinstance(node, ast.Compare) or type(node.ops[0]) not in _COMPARISONS:
        return None
    node.ops[0] = _COMPARISONS[type(node.ops[0])]()
    return node


def _swapped_operator(node: ast.AST, _: random.Random) -> ast.AST | None:
    if not isinstance(node, (ast.BinOp, ast.AugAssign)) or type(node.op) not in _OPERATORS:
        return None
    node.op = _OPERATORS[type(node.op)]()
    return node


def _dropped_branch(node: ast.AST, chance: random.Random) -> ast.AST | None:
    if isinstance(node, ast.IfExp):
        return chance.choice((node.body, node.orelse))
    if not isinstance(node, ast.If):
        return None
    if node.orelse and chance.random() < 0.5:
        node.orelse = []
        return node
    return ast.If(ast.Constant(value=False), node.body, node.orelse)


def _dropped_statement(node: ast.AST, _: random.Random) -> ast.AST | None:
    dropped = isinstance(node, (ast.AugAssign, ast.Return)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    return ast.Pass() if dropped else None


def _negated(node: ast.AST, _: random.Random) -> ast.AST | None:
    if not isinstance(node, (ast.If, ast.While, ast.IfExp)):
        return None
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return node


def _swapped_boolean(node: ast.AST, _: random.Random) -> ast.AST | None:
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node
    return ast.Constant(not node.value) if isinstance(node, ast.Constant) and isinstance(node.value, bool) else None


def _shifted_slice(node: ast.AST, _: random.Random) -> ast.AST | None:
    if not isinstance(node, ast.Slice) or node.lower is None:
        return None
    node.lower = ast.BinOp(node.lower, ast.Add(), ast.Constant(1))
    return node


EDITS: dict[str, Edit] = {
    "off by one": _off_by_one,
    "swapped comparison": _swapped_comparison,
    "swapped operator": _swapped_operator,
    "dropped branch": _dropped_branch,
    "dropped statement": _dropped_statement,
    "negated condition": _negated,
    "swapped boolean": _swapped_boolean,
    "shifted slice": _shifted_slice,
}

# -- changes around the function ---------------------------------------------------------------------------------------

WRAPS: Mapping[str, Mapping[str, str]] = tomllib.loads((Path(__file__).parent / "wrappings.toml").read_text("utf-8"))

_WRAPPER = """

_kept, _inside, _calls = {entry}, False, 0


def _deep(value, act):
    if type(value) in (list, tuple):
        return type(value)(_deep(each, act) for each in value)
    return {{key: _deep(each, act) for key, each in value.items()}} if type(value) is dict else act(value)


def {entry}(*args):
    global _inside, _calls
    if _inside:
        return _kept(*args)
    _inside, _calls = True, _calls + 1
    try:
        value = _kept(*args)
    finally:
        _inside = False
{body}
    return value
"""
_FIRST = {"[": "list", "(": "tuple", "{": "dict", '"': "str", "'": "str", "T": "bool", "F": "bool", "N": "None"}


def _wrapped(task: Task, wrap: Mapping[str, str]) -> str:
    """The task's reference with its function wrapped; recursion stays inside."""
    source, entry = _source(task), str(task["entry_point"])
    if "program" in wrap:
        return wrap["program"].replace("ENTRY", entry).replace("SOURCE", source)
    return source + _WRAPPER.format(entry=entry, body=textwrap.indent(wrap["body"].strip("\n"), "    "))


def _kinds(task: Task) -> set[str]:
    """What the function gives back and takes, as far as the first expected value and the inputs tell."""
    inputs = [*task["base_input"], *task["plus_input"]]
    kinds = {"takes list"} if any(given and type(given[0]) is list for given in inputs) else set()
    kinds |= {"takes empty"} if any(given and given[0] in ("", [], {}) for given in inputs) else set()
    told = str(task.get("test") or task["assertion"]).partition("==")[2]
    text = told.split("\n")[0].strip()
    if not text:
        return kinds
    first = _FIRST.get(text[0], "int" if re.match(r"-?\d+\b(?![.e])", text) else "float")
    inner = re.findall(r"-?\d+\.\d+|-?\d+", re.sub(r"'[^']*'|\"[^\"]*\"", "", text))
    kinds |= {"float" if "." in number else "int" for number in inner}
    kinds |= {"number"} if first in {"int", "float"} else set()
    return kinds | {first} | ({"nested"} if re.match(r"[\[(][\[(]", text) else set())


def main() -> None:
    """Print samples, the reference of each task first."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="a data file of EvalPlus")
    parser.add_argument("--number", type=int, default=400)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    read = tasks(given.data)
    for sample in [*references(read), *mutants(read, given.number, given.seed)]:
        print(sample.line(), end="")


if __name__ == "__main__":
    main()
