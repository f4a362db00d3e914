"""Rows streamed from the Hugging Face Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from magicoder_core import RunError
from magicoder_starcoderdata import arrow
from magicoder_starcoderdata.corpora import Corpus
from magicoder_starcoderdata.documents import COLUMNS, Row


def rows(corpus: Corpus, language: str, revision: str | None, token_env: str) -> Iterator[Row]:
    """The rows of one of a corpus's folders, in its order, fetched as they are asked for; nothing is kept.

    Raises:
        RunError: the corpus cannot be had: no token, terms not accepted, no such folder, no network.
    """
    import datasets  # type: ignore[import-untyped]  # it has no types
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    folder = corpus.folder(language)
    try:
        for table in _tables(corpus, folder, revision, token(corpus, token_env)):
            yield from arrow.rows(table)
    except (datasets.exceptions.DatasetNotFoundError, HfHubHTTPError) as error:
        raise RunError(_refused(corpus, folder, revision, token_env, error)) from error
    except (datasets.exceptions.DatasetsError, httpx.HTTPError, OSError, ValueError) as error:
        raise RunError(f"{corpus.hub}/{folder}: cannot be streamed: {_line(error)}") from error


def _tables(corpus: Corpus, folder: str, revision: str | None, token: str) -> Iterator[Any]:
    import datasets

    # The Hub's file lists would draw bars of their own across ours.
    datasets.disable_progress_bars()
    stream = datasets.load_dataset(
        corpus.hub, data_dir=folder, split="train", streaming=True, revision=revision, token=token
    )
    if names := stream.column_names:
        stream = stream.select_columns([name for name in COLUMNS if name in names])
    yield from stream.with_format("arrow").iter(batch_size=arrow.ROWS)


def check(corpus: Corpus, token_env: str) -> None:
    """Look whether streaming can begin, without asking the Hub.

    Raises:
        RunError: the Hub is switched off, or there is no token.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise RunError(
            f"{corpus.hub} is on the Hub, which HF_HUB_OFFLINE switches off: unset it, or give local `paths`"
        )
    token(corpus, token_env)


def token(corpus: Corpus, token_env: str) -> str:
    """The variable's token, or the one that the Hub's own login left on this machine. Nothing is asked of the Hub.

    Raises:
        RunError: there is none; the line says how to get one.
    """
    from huggingface_hub import get_token

    if found := os.environ.get(token_env, "").strip() or get_token():
        return found
    raise RunError(f"{corpus.hub} is gated, and there is no token: {_advice(corpus, token_env)}")


def _refused(corpus: Corpus, folder: str, revision: str | None, token_env: str, error: Exception) -> str:
    what = f"{corpus.hub}/{folder}{f' at {revision}' if revision else ''}"
    return f"the Hub does not give {what} with this token: {_advice(corpus, token_env)} ({_line(error)})"


def _advice(corpus: Corpus, token_env: str) -> str:
    return f"accept the terms at huggingface.co/datasets/{corpus.hub} and set {token_env} to your access token"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
