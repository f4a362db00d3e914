"""DS-1000: data-science problems from Stack Overflow about seven Python libraries, judged in the sandbox.

Source: Lai et al. 2022, "DS-1000: A Natural and Reliable Benchmark for Data Science Code Generation" (arXiv 2211.11501).
"""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Benchmark, hookimpl
from magicoder_ds1000.benchmark import Ds1000

__all__ = ["Ds1000"]


@hookimpl(specname="benchmark")
def benchmarks() -> Mapping[str, type[Benchmark]]:
    """DS-1000."""
    return {"ds1000": Ds1000}
