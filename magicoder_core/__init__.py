"""Magicoder: make a code model better from open-source code alone.

The public names: records that flow between stages, base classes that a plugin implements, the marker for hooks,
and the errors. Further public doors are the modules `sandbox`, `models`, `prompts`, `seeding`, `http`, `jsonl`,
`progress`, `scoring` and `testing`.
"""

from __future__ import annotations

from magicoder_core.errors import (
    BudgetError,
    MagicoderError,
    ModelError,
    PluginError,
    RecipeError,
    RunError,
    SandboxError,
    TeacherError,
)
from magicoder_core.hookspecs import hookimpl
from magicoder_core.plugins import find
from magicoder_core.providers import (
    Ask,
    BatchTeacher,
    Benchmark,
    Filter,
    Method,
    Provider,
    RowFilter,
    SeedSource,
    Teacher,
    Trainer,
)
from magicoder_core.records import (
    Checkpoint,
    Instruction,
    Judgement,
    Message,
    Needle,
    Origin,
    Problem,
    Rejection,
    Reply,
    Report,
    Request,
    Sampling,
    Shard,
    Snippet,
    Submission,
    TrainingData,
    Usage,
    Verdict,
)

__all__ = [
    "Ask",
    "BatchTeacher",
    "Benchmark",
    "BudgetError",
    "Checkpoint",
    "Filter",
    "Instruction",
    "Judgement",
    "MagicoderError",
    "Message",
    "Method",
    "ModelError",
    "Needle",
    "Origin",
    "PluginError",
    "Problem",
    "Provider",
    "RecipeError",
    "Rejection",
    "Reply",
    "Report",
    "Request",
    "RowFilter",
    "RunError",
    "Sampling",
    "SandboxError",
    "SeedSource",
    "Shard",
    "Snippet",
    "Submission",
    "Teacher",
    "TeacherError",
    "Trainer",
    "TrainingData",
    "Usage",
    "Verdict",
    "find",
    "hookimpl",
]
