"""What the tests share: a cache of their own, small data of our own, and the real data where they lie."""

import gzip
import json
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REAL = Path(os.environ.get("MAGICODER_TEST_DATA") or HERE.parents[3] / "shared" / "data")
OWN = HERE / "own.jsonl"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache for this session: expected answers are made once, and nobody's own are touched."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAGICODER_CACHE", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "other"))
        for name in ("HUMANEVAL_OVERRIDE_PATH", "MBPP_OVERRIDE_PATH"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="session")
def real():
    """The path of a real data file, by its name; skips where it is not there."""

    def path(name):
        found = REAL / name
        if not found.exists():
            pytest.skip(f"no {name}: MAGICODER_TEST_DATA can name the folder it lies in")
        return found

    return path


@pytest.fixture(scope="session")
def own():
    """A small file in EvalPlus' format."""
    return OWN


@pytest.fixture(scope="session")
def records():
    """Its records by id."""
    return {record["task_id"]: record for record in map(json.loads, OWN.read_text("utf-8").splitlines())}


@pytest.fixture
def data_of(tmp_path):
    """Writes records to a file of their own."""

    def write(*records, name="some.jsonl"):
        path = tmp_path / name
        raw = "".join(json.dumps(record) + "\n" for record in records).encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write
