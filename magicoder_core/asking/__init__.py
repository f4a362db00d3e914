"""Everything behind `ask`, the one door to models.

    request.py   what names an answer in the journal
    journal.py   every attempt's end, on disk before anything looks at it
    gate.py      how many requests are out at once, and pauses that a provider asked for
    budget.py    limits that the next request must not pass
    batching.py  gathers requests for engines in this process
    ask.py       puts them together

A teacher makes one attempt; retries, limits and the journal are here, once, for all of them.
"""

from __future__ import annotations

from magicoder_core.asking.ask import Asker
from magicoder_core.asking.budget import Budget
from magicoder_core.asking.gate import Gate
from magicoder_core.asking.journal import Entry, Journal

__all__ = ["Asker", "Budget", "Entry", "Gate", "Journal"]
