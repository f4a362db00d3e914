from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest

from magicoder_core import RecipeError, options


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a recipe's table may hold."""

    kind: ClassVar[str] = "sample"
    model: Annotated[str, "its name"]
    times: Annotated[int, "how often"] = 3
    warmth: Annotated[float | None, "degrees"] = None
    eager: Annotated[bool, "do it now"] = False
    style: Annotated[Literal["chat", "bare"], "how to ask"] = "chat"
    folder: Annotated[Path, "where"] = Path("here")
    paths: Annotated[tuple[Path, ...], "all of them"] = ()
    names: Annotated[list[str], "whose"] = field(default_factory=lambda: ["a"])
    bare: int = 0


def test_options_are_described_as_people_read_them():
    shown = {item.name: (item.type, item.default, item.help) for item in options.options(Sample)}
    assert shown == {
        "model": ("text", None, "its name"),
        "times": ("integer", "3", "how often"),
        "warmth": ("number", "none", "degrees"),
        "eager": ("true or false", "False", "do it now"),
        "style": ("'chat' or 'bare'", "'chat'", "how to ask"),
        "folder": ("path", "'here'", "where"),
        "paths": ("list of path", "[]", "all of them"),
        "names": ("list of text", "['a']", "whose"),
        "bare": ("integer", "0", ""),
    }


def test_a_table_becomes_a_provider():
    made = options.bind(Sample, {"model": "m", "paths": ["a", "b"], "warmth": 2, "folder": "x"}, "teacher")
    assert made == Sample(model="m", paths=(Path("a"), Path("b")), warmth=2.0, folder=Path("x"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"modell": "m"}, "teacher.modell: no such option; did you mean 'model'?"),
        (
            {"zzz": 1},
            "teacher.zzz: no such option; there are: model, times, warmth, eager, style, folder, paths, names, bare",
        ),
        ({}, "teacher.model: required, but not given"),
        ({"model": "m", "kind": "x"}, "teacher.kind: no such option"),
    ],
)
def test_a_wrong_name_is_refused(table, message):
    with pytest.raises(RecipeError) as caught:
        options.bind(Sample, table, "teacher")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "path", "shown"),
    [
        ({"times": "many"}, "teacher.times", "'many'"),
        ({"times": 1.5}, "teacher.times", "1.5"),
        ({"model": 3}, "teacher.model", "3"),
        ({"style": "loud"}, "teacher.style", "'loud'"),
        ({"paths": ["a", 5]}, "teacher.paths.1", "5"),
        ({"names": "a"}, "teacher.names", "'a'"),
        ({"eager": "perhaps"}, "teacher.eager", "'perhaps'"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(given, path, shown):
    with pytest.raises(RecipeError) as caught:
        options.bind(Sample, {"model": "m", **given}, "teacher")
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert line.endswith(f"(got {shown})")
    assert "\n" not in line


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Where numbers may stand."""

    whole: int = 0
    some: int | None = None
    many: tuple[float, ...] = ()
    pair: tuple[str, int] = ("a", 1)
    table: Mapping[str, float] = field(default_factory=dict)
    either: str | Mapping[str, float] = ""
    deep: Mapping[str, list[int]] = field(default_factory=dict)
    anything: Mapping[str, Any] = field(default_factory=dict)
    switch: bool | int = False


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"whole": True}, "t.whole: Input should be a valid integer (got True)"),
        ({"some": False}, "t.some: Input should be a valid integer (got False)"),
        ({"many": [1.0, True]}, "t.many.1: Input should be a valid number (got True)"),
        ({"pair": ["a", True]}, "t.pair.1: Input should be a valid integer (got True)"),
        ({"table": {"a": True}}, "t.table.a: Input should be a valid number (got True)"),
        ({"either": {"a": True}}, "t.either.a: Input should be a valid number (got True)"),
        ({"deep": {"a": [0, True]}}, "t.deep.a.1: Input should be a valid integer (got True)"),
    ],
)
def test_true_and_false_are_no_numbers(given, line):
    with pytest.raises(RecipeError) as caught:
        options.bind(Numbers, given, "t")
    assert str(caught.value) == line


def test_true_and_false_stand_where_they_may():
    made = options.bind(Numbers, {"anything": {"a": True, "b": [True]}, "switch": True}, "t")
    assert (made.anything, made.switch) == ({"a": True, "b": [True]}, True)
    assert options.bind(Sample, {"model": "m", "eager": True}, "t").eager is True


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Two options that must fit each other."""

    low: Annotated[int, "from"] = 0
    high: Annotated[int, "to"] = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")


def test_a_provider_may_check_its_options_together():
    with pytest.raises(RecipeError) as caught:
        options.bind(Checked, {"low": 5}, "filter.0")
    assert str(caught.value) == "filter.0: low must not be above high"


def test_values_make_the_same_provider_again():
    made = Sample(model="m", paths=(Path("a"),), warmth=0.5)
    table = options.values(made)
    assert json.loads(json.dumps(table)) == table
    assert options.bind(Sample, table, "teacher") == made


def test_the_schema_says_what_the_table_may_hold():
    schema = options.schema(Sample)
    assert set(schema["properties"]) == {item.name for item in options.options(Sample)}
    assert schema["required"] == ["model"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["times"] == {
        "default": 3,
        "description": "how often",
        "title": "Times",
        "type": "integer",
    }
