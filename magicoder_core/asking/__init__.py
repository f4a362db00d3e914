"""Everything behind `ask`, the one door to models.

    request.py   what names an answer in the journal
    journal.py   every attempt's end, on its way to the disk before anything reads it
    durable.py   on the disk, in groups
    cache.py     answers of other runs
    gate.py      how many requests are out at once, what a provider bears, pauses that it asked for
    budget.py    limits that the next request must not pass
    batching.py  gathers requests for engines in this process
    deferred.py  gathers requests for batch APIs, over hours and crashes
    reading.py   what the journal holds, read
    ask.py       puts them together
    parent.py    the `ask` that a method is handed

A teacher makes one attempt; retries, limits and the journal are here, once, for all of them.
"""

from __future__ import annotations

from magicoder_core.asking.ask import Asker
from magicoder_core.asking.budget import Budget
from magicoder_core.asking.cache import Cache
from magicoder_core.asking.gate import Gate
from magicoder_core.asking.journal import Entry, Journal
from magicoder_core.asking.parent import ParentAsk

__all__ = ["Asker", "Budget", "Cache", "Entry", "Gate", "Journal", "ParentAsk"]
