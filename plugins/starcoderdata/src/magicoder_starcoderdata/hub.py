"""Documents streamed from the Hugging Face Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from magicoder_core import RunError
from magicoder_starcoderdata.documents import Document, document

CORPUS = "bigcode/starcoderdata"


def documents(language: str, revision: str | None, token_env: str) -> Iterator[Document]:
    """The documents of one of the corpus's folders, in its order, fetched as they are asked for.

    Raises:
        RunError: the corpus cannot be had: no token, terms not accepted, no such folder, no network.
    """
    name = f"{CORPUS}@{revision}" if revision else CORPUS
    for number, row in enumerate(_rows(language, revision, token_env)):
        yield document(row, language, name, f"{language}/{number}")


def _rows(language: str, revision: str | None, token_env: str) -> Iterator[dict[str, Any]]:
    import datasets  # type: ignore[import-untyped]  # it has no types
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    token = _token(token_env)
    # The Hub's file lists would draw bars of their own across ours.
    datasets.disable_progress_bars()
    try:
        yield from datasets.load_dataset(
            CORPUS, data_dir=language, split="train", streaming=True, revision=revision, token=token
        )
    except (datasets.exceptions.DatasetNotFoundError, HfHubHTTPError) as error:
        raise RunError(_refused(language, revision, token_env, error)) from error
    except (datasets.exceptions.DatasetsError, httpx.HTTPError, OSError, ValueError) as error:
        raise RunError(f"{CORPUS}/{language}: cannot be streamed: {_line(error)}") from error


def _token(token_env: str) -> str:
    """The variable's token, or the one that the Hub's own login left on this machine."""
    from huggingface_hub import get_token

    if token := os.environ.get(token_env, "").strip() or get_token():
        return token
    raise RunError(f"{CORPUS} is gated, and there is no token: {_advice(token_env)}")


def _refused(language: str, revision: str | None, token_env: str, error: Exception) -> str:
    what = f"{CORPUS}/{language}{f' at {revision}' if revision else ''}"
    return f"the Hub does not give {what} with this token: {_advice(token_env)} ({_line(error)})"


def _advice(token_env: str) -> str:
    return f"accept the terms at huggingface.co/datasets/{CORPUS} and set {token_env} to your access token"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
