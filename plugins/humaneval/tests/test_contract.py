"""The core's conformance suite."""

from magicoder_humaneval import HumanEval

from magicoder_core.testing import BenchmarkContract

_TASK = HumanEval()._tasks["HumanEval/53"]


class TestHumanEval(BenchmarkContract):
    provider = HumanEval(cpu_seconds=5)
    right = {_TASK.id: _TASK.prompt + _TASK.solution}
    wrong = {_TASK.id: _TASK.prompt + "    return x - y\n"}
