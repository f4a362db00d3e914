"""The core's conformance suite."""

from pathlib import Path

from magicoder_evalplus import HumanEvalPlus, Mbpp, MbppPlus

from magicoder_core.testing import BenchmarkContract

HERE = Path(__file__).parent
OWN = HERE / "own.jsonl"
SUM = {"Own/0": "def total(numbers):\n    return sum(numbers)\n"}
FIRST = {"Own/0": "def total(numbers):\n    return numbers[0]\n"}


class TestHumanEvalPlus(BenchmarkContract):
    provider = HumanEvalPlus(data=OWN)
    right = SUM
    wrong = FIRST


class TestMbppPlus(BenchmarkContract):
    provider = MbppPlus(data=OWN)
    right = SUM
    wrong = FIRST


class TestMbpp(BenchmarkContract):
    provider = Mbpp(data=OWN)
    right = SUM
    wrong = FIRST


class TestOriginalMbpp(BenchmarkContract):
    provider = Mbpp(data=HERE / "own-mbpp.jsonl")
    right = {"Mbpp/11": "def add(a, b):\n    return a + b\n"}
    wrong = {"Mbpp/11": "def add(a, b):\n    return a - b if a == 1 else a + b\n"}
