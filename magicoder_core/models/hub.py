"""A program of its own that downloads one file from the Hugging Face Hub into a folder.

    python -m magicoder_core.models.hub REPOSITORY REVISION FILE SHA256 FOLDER

A process apart keeps the library's imports, retries, warnings and bars out of ours, and can be stopped at any time.
"""

from __future__ import annotations

import sys

_SECONDS = 5.0
"""Until the Hub has said that it has the file."""

_SHA256_DIGITS = 64


def main(repository: str, revision: str, file: str, sha256: str, folder: str) -> None:
    """Leave ``file`` in ``folder``, or end with the reason on stderr and a status that is not 0."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    # Asked first because it fails at once without a network; the download itself retries for half a minute.
    etag = get_hf_file_metadata(hf_hub_url(repository, file, revision=revision), timeout=_SECONDS).etag
    if etag is not None and len(etag) == _SHA256_DIGITS and etag != sha256:
        sys.exit(f"the file there has sha256 {etag}, {sha256} was expected")
    hf_hub_download(repository, file, revision=revision, local_dir=folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
