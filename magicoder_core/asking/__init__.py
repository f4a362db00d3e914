"""Everything behind `ask`, the one door to models.

    request.py   what names an answer in the journal
    journal.py   every attempt's end, on its way to the disk before anything reads it
    durable.py   on the disk, in groups, by the kernel's queue or a thread
    cache.py     answers of other runs
    gate.py      who may send now: places, order, outages
    controller.py  the law: a capacity, a rate, or refusals that are not ours (evidence.py, queueing.py)
    breaker.py   an outage: one probe at a time
    pace.py      limits per minute
    budget.py    limits that the next request must not pass
    batching.py  gathers requests for engines in this process
    deferred.py  whole batches, noted before they are submitted, over any number of crashes (gathering.py, patience.py)
    pausing.py   how long a request waits before it is sent again
    reading.py   what the journal holds, read
    errand.py    a request on its way, and what is made of how it ends
    ask.py       puts them together
    parent.py    the `ask` that a method is handed

A teacher makes one attempt; retries, limits and the journal are here, once, for all of them.
"""

from __future__ import annotations

from magicoder_core.asking.ask import Asker, check_text
from magicoder_core.asking.budget import Budget
from magicoder_core.asking.cache import Cache
from magicoder_core.asking.gate import Gate
from magicoder_core.asking.journal import Entry, Journal
from magicoder_core.asking.parent import ParentAsk

__all__ = ["Asker", "Budget", "Cache", "Entry", "Gate", "Journal", "ParentAsk", "check_text"]
