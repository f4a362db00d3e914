"""Decontamination by named levels and near-duplicate removal, each row that goes with its evidence."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core import Benchmark, Filter, hookimpl
from magicoder_decontamination.compat import MagicoderCompat
from magicoder_decontamination.decontaminate import Decontaminate
from magicoder_decontamination.near_duplicates import NearDuplicates
from magicoder_decontamination.sources import Apps, Gsm8k

__all__ = ["Apps", "Decontaminate", "Gsm8k", "MagicoderCompat", "NearDuplicates"]


@hookimpl(specname="filter")
def filters() -> Mapping[str, type[Filter]]:
    """Filters that compare rows with benchmarks, and with each other."""
    return {"decontaminate": Decontaminate, "magicoder-compat": MagicoderCompat, "near-duplicates": NearDuplicates}


@hookimpl
def benchmark() -> Mapping[str, type[Benchmark]]:
    """Benchmarks whose texts are kept out of training data, though they are not scored here."""
    return {"gsm8k": Gsm8k, "apps": Apps}
