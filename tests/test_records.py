from __future__ import annotations

import dataclasses
import json
import pickle

import pytest

import magicoder_core
from magicoder_core import (
    Checkpoint,
    Instruction,
    Judgement,
    Message,
    Needle,
    Origin,
    Price,
    Problem,
    Rejection,
    Reply,
    Report,
    Request,
    Sampling,
    Snippet,
    Submission,
    TrainingData,
    Usage,
    Verdict,
    jsonl,
)
from magicoder_core.content import Identified, Record, content_id

ORIGIN = Origin(corpus="stdlib", path="json/decoder.py", licence="PSF-2.0", lines=(3, 9))
SNIPPET = Snippet(code="x = 1\n", language="python", origin=ORIGIN)
ROW = Instruction(problem="p", solution="s", language="python", method="oss-instruct", parent=SNIPPET.id)

SAMPLES = [
    ORIGIN,
    Origin(corpus="c", path="p", row=3),
    SNIPPET,
    Message(role="user", content="hello"),
    Sampling(temperature=0.5, stop=("\n", "```"), sample=2),
    Request.of("hello", system="be brief", sampling=Sampling(max_tokens=5)),
    Request.continuing("def f(", sampling=Sampling(stop=("\ndef ",))),
    Usage(prompt_tokens=1, usd=0.25),
    Price(usd_per_prompt_token=2e-6, usd_per_completion_token=1e-5),
    Reply(text="one", alternatives=(Reply(text="two", finish_reason="length"),)),
    Reply(text="\ud83d", usage=Usage(completion_tokens=3), reasoning="because"),
    dataclasses.replace(ROW, scores={"length": 3.5}, requests=("a" * 16,), tests="assert x"),
    Rejection(reason="blank", detail="..."),
    Judgement(keep=False, filter="length", reason="too long", evidence={"characters": 9, "of": ["a"]}),
    Checkpoint(path="checkpoint", base_model="tiny", digest="0" * 64),
    Problem(id="HumanEval/0", benchmark="humaneval", prompt="def f():", entry_point="f"),
    Submission(problem_id="HumanEval/0", code="pass", sample=3),
    Verdict(problem_id="HumanEval/0", sample=3, status="timeout", cpu_seconds=10.5),
    Report(benchmark="humaneval", metrics={"pass@1": {"value": 0.5, "interval": [0.4, 0.6]}}, versions={"python": "3"}),
    Needle(benchmark="humaneval", problem_id="HumanEval/0", kind="prompt", text="def f():"),
]


@pytest.mark.parametrize("record", SAMPLES, ids=lambda record: type(record).__name__)
class TestEveryRecord:
    def test_survives_a_line_of_json(self, record):
        assert type(record).from_dict(json.loads(jsonl.dumps(record.to_dict()))) == record

    def test_survives_pickling(self, record):
        assert pickle.loads(pickle.dumps(record)) == record

    def test_is_frozen(self, record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, dataclasses.fields(record)[0].name, "x")

    def test_has_keyword_only_fields(self, record):
        assert all(item.kw_only for item in dataclasses.fields(record) if item.init)

    def test_ignores_what_a_newer_version_wrote(self, record):
        assert type(record).from_dict({**record.to_dict(), "of_tomorrow": 1}) == record


def test_every_record_is_sampled():
    public = [getattr(magicoder_core, name) for name in magicoder_core.__all__]
    classes = {item for item in public if isinstance(item, type) and issubclass(item, Record)}
    assert {type(record) for record in SAMPLES} == classes


def test_an_id_is_sixteen_hex_digits_of_the_content():
    assert len(SNIPPET.id) == 16
    assert set(SNIPPET.id) <= set("0123456789abcdef")
    assert Snippet(code="x = 1\n", language="python", origin=ORIGIN).id == SNIPPET.id
    assert dataclasses.replace(SNIPPET, code="x = 2\n").id != SNIPPET.id


def test_an_id_changes_with_every_field_that_is_no_annotation():
    changed = {"problem": "q", "solution": "t", "language": "rust", "method": "m", "parent": "0" * 16, "tests": "t"}
    changed["wording"] = "instruction"
    ids = {dataclasses.replace(ROW, **{name: value}).id for name, value in changed.items()}
    assert len(ids | {ROW.id}) == 8
    assert {item.name for item in dataclasses.fields(ROW)} == {*changed, "id", *Instruction.annotations}


def test_annotations_leave_the_id_alone():
    assert dataclasses.replace(ROW, scores={"a": 1.0}, requests=("x",)).id == ROW.id


def test_an_id_in_a_file_is_not_trusted():
    assert Instruction.from_dict({**ROW.to_dict(), "id": "f" * 16}).id == ROW.id


def test_ids_do_not_change_between_versions():
    """Journals and run directories of yesterday are named by them."""
    assert SNIPPET.id == "73e50a83594705cc"
    assert Request.of("hello").id == "42d8ef227e99d81b"


def test_samples_of_one_request_differ():
    requests = [Request.of("hello", sampling=Sampling(sample=number)) for number in range(3)]
    assert len({item.id for item in requests}) == 3


def test_a_missing_field_is_an_error():
    with pytest.raises(TypeError):
        Snippet.from_dict({"code": "x"})


def test_identified_records_name_their_annotations():
    for cls in Identified.__subclasses__():
        assert cls.annotations <= {item.name for item in dataclasses.fields(cls)}


def test_a_system_turn_comes_first():
    assert [turn.role for turn in Request.of("u", system="s").messages] == ["system", "user"]
    assert [turn.role for turn in Request.of("u").messages] == ["user"]


def test_sampling_is_taken_over_where_it_is_open():
    defaults = Sampling(temperature=0.7, max_tokens=100, stop=("END",))
    chosen = Sampling(temperature=0.0, sample=2).over(defaults)
    assert chosen == Sampling(temperature=0.0, max_tokens=100, stop=("END",), sample=2)


def test_the_sample_of_the_request_counts():
    """`sample` is part of which request it is; a teacher's default must not change it."""
    assert Sampling(sample=0).over(Sampling(sample=5)).sample == 0


def test_training_data_is_read_row_by_row(tmp_path):
    jsonl.write(tmp_path / "kept.jsonl", [ROW.to_dict(), ROW.to_dict()])
    data = TrainingData(tmp_path / "kept.jsonl", rows=2, seed=1)
    assert list(data) == [ROW, ROW]
    assert next(iter(data)) == ROW


def test_content_ids_do_not_depend_on_the_order_of_keys():
    assert content_id({"a": 1, "b": "ä"}) == content_id({"b": "ä", "a": 1})


def test_what_the_run_wrote_keeps_its_name_and_what_has_none_gets_one():
    written = SNIPPET.to_dict()
    assert Snippet.restored(written | {"id": "0123456789abcdef"}).id == "0123456789abcdef"
    by_hand = {name: value for name, value in written.items() if name != "id"}
    assert Snippet.restored(by_hand).id == SNIPPET.id
