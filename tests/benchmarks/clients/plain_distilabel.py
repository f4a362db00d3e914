"""distilabel's pipeline of one `TextGeneration` with its `OpenAILLM`: its batches are the requests in flight."""

from __future__ import annotations

import logging

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration
from measured import MAX_TOKENS, TEMPERATURE, Measured, arguments, cpu, prompts


def run(given, messages, name):
    """Rows of a run over so many prompts."""
    with Pipeline(name=name, cache_dir=f"{given.folder}/distilabel") as pipeline:
        rows = [{"instruction": "\n\n".join(turn["content"] for turn in each)} for each in messages]
        load = LoadDataFromDicts(data=rows, batch_size=given.concurrency)
        model = OpenAILLM(
            model="loopback",
            base_url=given.url,
            api_key="none",
            timeout=300,
            max_retries=0,
            generation_kwargs={"temperature": TEMPERATURE, "max_new_tokens": MAX_TOKENS},
        )
        load >> TextGeneration(llm=model, input_batch_size=given.concurrency)
    return pipeline.run(use_cache=False)["default"]["train"]


if __name__ == "__main__":  # its workers import this module anew
    logging.disable(logging.WARNING)
    given, measured = arguments(), Measured()
    _, *rest = prompts(given)
    # Its worker starts with each run. A second run of one prompt tells what that takes.
    run(given, rest[:1], "first")
    before = cpu()
    run(given, rest[1:2], "start")
    measured.more["fixed"] = cpu() - before
    with measured.timed():
        rows = run(given, rest, "whole")
    measured.good = sum(1 for row in rows if row["generation"])
    measured.tell()
