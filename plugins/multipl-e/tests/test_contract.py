"""The core's conformance suite, with our own problems in two languages that any machine has."""

from pathlib import Path

from magicoder_multipl_e import MultiPLE
from magicoder_multipl_e.languages.golds import gold

from magicoder_core.testing import BenchmarkContract


class TestMultiPLE(BenchmarkContract):
    provider = MultiPLE(data=Path(__file__).parent / "own.jsonl", languages=("sh", "pl"), cache=False)
    right = {"sh/Own_0_twice": gold("sh").right}
    wrong = {"sh/Own_0_twice": gold("sh").wrong, "pl/Own_0_twice": "sub twice { exit 0 }\n"}
