"""Magicoder: make a code model better from open-source code alone.

The public names: records that flow between stages, base classes that a plugin implements, the marker for hooks,
and the errors. Further public doors are the modules `sandbox`, `models`, `prompts`, `seeding`, `http`, `jsonl`,
`progress`, `scoring` and `testing`.
"""

from __future__ import annotations

from magicoder_core.benchmarks import Benchmark
from magicoder_core.deferring import Batch, BatchState, DeferredTeacher
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
from magicoder_core.plugins import find, names, provider
from magicoder_core.providers import (
    Ask,
    AskingFilter,
    BatchTeacher,
    Filter,
    Method,
    Provider,
    RowFilter,
    SeedSource,
    Teacher,
    Wire,
    WireTeacher,
)
from magicoder_core.ratelimits import RateLimits
from magicoder_core.records import (
    Checkpoint,
    Example,
    Instruction,
    Judgement,
    Message,
    Needle,
    Origin,
    Price,
    Problem,
    Rejection,
    Reply,
    Report,
    Request,
    Sampling,
    Shard,
    Snippet,
    Status,
    Submission,
    TrainingData,
    Usage,
    Verdict,
)
from magicoder_core.trainers import Trainer

__all__ = [
    "Ask",
    "AskingFilter",
    "Batch",
    "BatchState",
    "BatchTeacher",
    "Benchmark",
    "BudgetError",
    "Checkpoint",
    "DeferredTeacher",
    "Example",
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
    "Price",
    "Problem",
    "Provider",
    "RateLimits",
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
    "Status",
    "Submission",
    "Teacher",
    "TeacherError",
    "Trainer",
    "TrainingData",
    "Usage",
    "Verdict",
    "Wire",
    "WireTeacher",
    "find",
    "hookimpl",
    "names",
    "provider",
]
