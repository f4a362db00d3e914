"""Texts that are kept out of training data: GSM8K and APPS, from local files."""

import gzip
import json
from pathlib import Path

import pytest
from magicoder_decontamination import Apps, Gsm8k, hub
from magicoder_decontamination.needles import benchmark, name_of

from magicoder_core import MagicoderError, Submission

REAL = Path(__file__).parents[4] / "shared" / "data"


def lines(path, *records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def texts(benchmark):
    return [(needle.problem_id, needle.kind, needle.text) for needle in benchmark.needles()]


def test_gsm8k_answers_come_without_the_marks_of_a_calculator(tmp_path):
    path = lines(tmp_path / "test.jsonl", {"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5 ducks\n#### 5"})
    assert texts(Gsm8k(data=path)) == [("gsm8k/0", "question", "How many?"), ("gsm8k/0", "answer", "2 + 3 = 5 ducks")]


@pytest.mark.parametrize("name", ["apps.jsonl", "apps.jsonl.gz"])
def test_apps_solutions_are_texts_and_programs(tmp_path, name):
    record = {
        "problem_id": 4000,
        "question": "Add.",
        "solutions": json.dumps(["print(sum(map(int, input().split())))"]),
    }
    found = texts(Apps(data=lines(tmp_path / name, record, {"question": "None.", "solutions": ""})))
    code = "print(sum(map(int, input().split())))"
    assert found == [
        ("apps/4000", "question", "Add."),
        ("apps/4000", "solution", code),
        ("apps/4000", "program", code),
        ("apps/1", "question", "None."),
    ]


@pytest.mark.parametrize("kind", [Gsm8k, Apps])
def test_what_is_wrong_with_data_is_said_with_its_place(tmp_path, kind):
    with pytest.raises(MagicoderError, match=rf"{kind.name}.data: .*nowhere does not exist"):
        kind(data=tmp_path / "nowhere").check()
    with pytest.raises(
        MagicoderError, match=rf"x.jsonl:1: the field '{kind.fields[0]}' is missing or no text; is this {kind.name}"
    ):
        list(kind(data=lines(tmp_path / "x.jsonl", {"other": 1})).needles())
    (tmp_path / "torn.jsonl").write_text('{"question": "a"', "utf-8")
    with pytest.raises(MagicoderError, match=r"torn.jsonl:1: not JSON"):
        list(kind(data=tmp_path / "torn.jsonl").needles())
    (tmp_path / "damaged.jsonl.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(MagicoderError, match=r"cannot read .*damaged.jsonl.gz"):
        list(kind(data=tmp_path / "damaged.jsonl.gz").needles())


@pytest.mark.parametrize("kind", [Gsm8k, Apps])
def test_the_variable_names_local_data_too(tmp_path, monkeypatch, kind):
    monkeypatch.setenv(kind.variable, str(tmp_path / "nowhere"))
    with pytest.raises(MagicoderError, match="nowhere does not exist"):
        kind().check()


def test_programs_are_not_scored(tmp_path):
    with pytest.raises(MagicoderError, match="rows are held against it, programs are not scored by it"):
        next(iter(Gsm8k().judge([Submission(problem_id="gsm8k/0", code="")])))


class Hub:
    """The library `datasets` where the Hub has these records, or is out of reach."""

    def __init__(self, records=None):
        self._records = records

    def load_dataset(self, name, configuration, *, split):
        if self._records is None:
            raise ConnectionError("Max retries exceeded")
        return [dict(record, name=f"{name} {configuration} {split}") for record in self._records]


def test_without_network_the_message_says_how_to_name_a_copy(monkeypatch):
    monkeypatch.delenv("GSM8K_PATH", raising=False)
    monkeypatch.setattr(hub, "_library", lambda *_: Hub())
    message = r"gsm8k: cannot be had from the Hub \(ConnectionError: .*\); name a local copy: gsm8k=PATH, or GSM8K_PATH"
    with pytest.raises(MagicoderError, match=message):
        list(Gsm8k().needles())


def test_official_copies_are_asked_for_by_their_names(monkeypatch):
    for kind in (Gsm8k, Apps):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setattr(hub, "_library", lambda *_: Hub([{"question": "How many?", "answer": "5"}]))
    assert [one.prompt for kind in (Gsm8k, Apps) for one in kind().problems()] == [
        "How many?",
        "How many?",
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data in {REAL}")
def test_the_real_data_are_read():
    assert sum(1 for _ in Gsm8k(data=REAL / "gsm8k" / "test.jsonl").problems()) == 1319


@pytest.mark.parametrize("entry", ["ds-1000", "ds1000", " ds-1000 = data.jsonl"])
def test_ds_1000_is_known_by_its_former_name(entry):
    assert name_of(entry) == "ds1000"
    assert benchmark(entry, "against").data == (Path("data.jsonl") if "=" in entry else None)
