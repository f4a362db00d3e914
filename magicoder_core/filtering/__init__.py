"""Chains of filters over rows, in a run and for anybody's data: streaming, resumable, the same on any number of workers.

    layouts.py    what columns mean: how a row becomes an instruction
    inputs.py     files of rows, told apart by their content (reading.py: their batches)
    snippets.py   in a run: which of them are one text
    chain.py      filters in order (judging.py: one filter; decisions.py: what is said of a row)
    asking.py     filters that ask a model: journal, teachers, rows of a batch at once
    ahead.py      workers that judge parts of files row by row (worker.py: one of them)
    merging.py    rows with what was said of them (writing.py, outputs.py: into files; parquet.py: as Parquet)
    state.py      how far it is
    work.py       puts them together (job.py: what is to be done, and what came of it)
    command.py    `magicoder filter` (telling.py: progress, report, table)

Plugins that look at rows of any kind, too, read them by `inputs` (`found`, `source`) and `layouts` (`named`, `Layouts`).
"""

from __future__ import annotations
