"""curator's `LLM` with its `openai` backend, which is aiohttp inside."""

from __future__ import annotations

import logging
import os
import pathlib
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["TELEMETRY_ENABLED"] = "false"
os.environ["OPENAI_API_KEY"] = "none"
# It counts tokens with files that it would fetch; LiteLLM, which it needs anyway, has them.
site = next(pathlib.Path(place) for place in sys.path if (pathlib.Path(place) / "litellm").is_dir())
os.environ["TIKTOKEN_CACHE_DIR"] = os.environ["CUSTOM_TIKTOKEN_CACHE_DIR"] = str(
    site / "litellm" / "litellm_core_utils" / "tokenizers"
)

from bespokelabs import curator  # noqa: E402 - what is above decides what it does
from measured import MAX_TOKENS, TEMPERATURE, Measured, arguments, cpu, prompts  # noqa: E402


def run(given, messages):
    """Rows of a run over so many prompts."""
    model = curator.LLM(
        model_name="gpt-4o-mini",  # one that LiteLLM has a row for: it asks there how long an answer can be
        backend="openai",
        generation_params={"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS},
        backend_params={
            "base_url": given.url,
            "max_retries": 0,
            "request_timeout": 300,
            "max_concurrent_requests": given.concurrency,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
            "in_mtok_cost": 1,
            "out_mtok_cost": 1,
        },
    )
    return model(["\n\n".join(turn["content"] for turn in each) for each in messages], working_dir=given.folder)


logging.disable(logging.WARNING)
given, measured = arguments(), Measured()
first, *rest = prompts(given)
# It writes a dataset with each run. A second run of one prompt tells what that takes.
run(given, [first])
before = cpu()
run(given, [[{"role": "user", "content": "[solution]"}]])
measured.more["fixed"] = cpu() - before
with measured.timed():
    answers = run(given, rest)
measured.good = len(getattr(answers, "dataset", answers))
measured.tell()
