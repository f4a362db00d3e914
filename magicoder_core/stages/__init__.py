"""The five stages, each a function from files to files.

    seeds -> generate -> filter -> train -> evaluate

A stage reads files of the run directory and writes files; only paths pass between stages. `pipeline.run` drives them.
"""

from __future__ import annotations

from magicoder_core.stages.forecast import Forecast, pilot
from magicoder_core.stages.pipeline import STAGES, Result, doubts, pending, preflight, run, select
from magicoder_core.stages.stage import Run, Stage

__all__ = ["STAGES", "Forecast", "Result", "Run", "Stage", "doubts", "pending", "pilot", "preflight", "run", "select"]
