"""One command in several processes, as `torchrun` and `accelerate launch` start it: rank 0 leads, the others train along.

    torchrun --nproc_per_node 2 -m magicoder_core run RECIPE

Rank 0 alone runs the stages, holds the run directory and prints. Each other rank waits for its word, calls a trainer
when (and only when) rank 0 does, with the same options and arguments, and ends when rank 0 ends. How the processes
find each other in there is the trainer's matter: nothing here needs torch.

What they hold in common after a training that failed cannot be told, so that nobody may train in them again: the whole
launch ends, and the next one goes on. For the same reason a training begins only when every rank is out of the one
before: what two trainings send must never meet.

launch     which process this is
meeting    the folder in which the processes leave word for each other
leader     rank 0's side
follower   that of the others
"""

from __future__ import annotations

from magicoder_core.launched.follower import follow, heed
from magicoder_core.launched.launch import Launch, here
from magicoder_core.launched.leader import begun, joined, last_words, leading

__all__ = ["Launch", "begun", "follow", "heed", "here", "joined", "last_words", "leading"]
