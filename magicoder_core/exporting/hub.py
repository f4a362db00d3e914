"""A folder with a data set becomes a repository of the Hugging Face Hub."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path

from magicoder_core.errors import RecipeError, RunError

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_STATUSES = {401: "the token is not valid", 403: "the token may not write there", 404: "there is no such owner"}


def check(repository: str) -> None:
    """Look whether a push can begin: a name of the right form, the library, a token.

    Raises:
        RecipeError: the name has not the form OWNER/NAME, or the library is not installed.
        RunError: there is no token.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise RecipeError(f"--push-to-hub {repository}: the form is OWNER/NAME")
    if util.find_spec("huggingface_hub") is None:
        raise RecipeError("--push-to-hub: needs huggingface_hub: pip install 'magicoder-core[hub]'")
    from huggingface_hub import get_token

    if not get_token():
        raise RunError("--push-to-hub: no token; set HF_TOKEN to one that may write, or run `hf auth login`")


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Make the data-set repository if there is none, and upload all files of ``folder``; returns its address.

    Raises:
        RecipeError: as `check`.
        RunError: as `check`, or the Hub says no or cannot be reached; one line that says why.
    """
    check(repository)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(library_name="magicoder-core")
    try:
        address = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            commit_message="Upload by magicoder export",
            ignore_patterns=["*.part", ".*"],
        )
    except HfHubHTTPError as error:
        raise RunError(f"--push-to-hub {repository}: {_why(error)}") from error
    except (OSError, ValueError, _client_error(HfHubHTTPError)) as error:
        # No connection; or what the library refuses before anything is sent.
        raise RunError(f"--push-to-hub {repository}: {_line(error)}") from error
    return str(address)


def _client_error(error: type[Exception]) -> type[Exception]:
    """The base of the errors of the library's HTTP client, which it lets through: requests, httpx or httpx2."""
    base = error.__mro__[1]
    return base if issubclass(base, Exception) else error


def _why(error: Exception) -> str:
    """What the Hub said, in one line."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    known = f"{_STATUSES[status]} (HTTP {status})" if status in _STATUSES else f"HTTP {status}" if status else ""
    said = str(getattr(error, "server_message", "") or "")
    return ": ".join(item for item in (known, _line(said)) if item) or _line(error)


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]
