"""The whole hostile corpus, each program before a witness in the same box: no wrong verdict, no trace, no leak."""

import os
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sandbox.corpus import BENIGN, FOLDER, entries, judging, traces

from magicoder_core import sandbox

pytestmark = [
    pytest.mark.skipif(sandbox.probe().level != "bubblewrap", reason=f"no bubblewrap: {sandbox.probe()}"),
    pytest.mark.timeout(900),  # all programs, some of which last until a limit strikes
]

SECRET = "hunter2-of-the-corpus"
MARK = f"hostile-{os.getpid()}"
KINDS = sorted(path.stem for path in FOLDER.glob("*.txt"))
# Most of the time goes by in waiting for sleepers.
LANES = 4


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary")
    folder.joinpath("file").write_text("untouched")
    folder.joinpath("secret").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
def servers():
    """Servers of this machine that no program may reach, on loopback and in the abstract namespace."""
    with socket.create_server(("127.0.0.1", 0)) as loopback, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{MARK}")
        abstract.listen()
        for server in (loopback, abstract):
            server.setblocking(False)
        yield loopback, abstract


@pytest.fixture(scope="module")
def corpus(canary, servers):
    places = {
        "@SECRET_FILE@": str(canary / "secret"),
        "@SECRET_OTHERWISE@": bytes(byte ^ 0x55 for byte in SECRET.encode()).hex(),
        "@PORT@": str(servers[0].getsockname()[1]),
        "@SOCKET@": MARK,
        "@MARK@": MARK,
        "@CANARY@": str(canary),
        "@HOME@": str(Path.home()),
        "@HERE@": str(Path(__file__).parent),
        "@REPOSITORY@": str(Path(__file__).parent.parent.parent),
    }
    return [entry for entry in entries(places) if not entry.numpy or _has_numpy()]


def _has_numpy():
    from importlib.util import find_spec

    return find_spec("numpy") is not None


@pytest.fixture(scope="module")
def faults(canary, corpus):
    """What is wrong, by kind of program; all kinds run at once, each in a box of its own."""
    os.environ["SECRET_KEY"] = SECRET
    forbidden = [str(Path.home()), str(canary), str(Path(__file__).parent), MARK]
    before, own = traces.held(), traces.tree(os.getpid())

    def judged(kind):
        chosen = [entry for entry in corpus if entry.kind == kind]
        return list(judging.trial(chosen, secrets=[SECRET, "root:x:0"], places=forbidden))

    try:
        with ThreadPoolExecutor(LANES) as lanes:
            # The longest first, or they would run alone at the end.
            ordered = sorted(KINDS, key=lambda kind: -Counter(entry.kind for entry in corpus)[kind])
            found = dict(zip(ordered, lanes.map(judged, ordered), strict=True))
    finally:
        del os.environ["SECRET_KEY"]
    left = traces.tree(os.getpid()) - own
    return found | {"left": [str(one) for one in left], "before": before, "after": traces.held()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_verdict_is_right_and_the_next_program_sees_nothing_of_it(faults, kind):
    assert not faults[kind], "\n".join(["", *faults[kind]])


def test_no_process_is_left_and_nothing_is_kept_open(faults):
    assert not faults["left"]
    assert not traces.named(MARK)
    assert not faults["after"] - faults["before"]


def test_nothing_was_written_outside(faults, canary):
    assert sorted(path.name for path in canary.iterdir()) == ["file", "secret"]
    assert canary.joinpath("file").read_text() == "untouched"
    for folder in (Path.home(), Path.cwd(), Path("/"), Path(__file__).parent):
        assert not [path for path in folder.iterdir() if "hostile-litter" in path.name or "pwned" in path.name]


def test_nobody_was_spoken_to(faults, servers):
    for server in servers:
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_corpus_is_large_and_knows_every_status(corpus):
    hostile = [entry for entry in corpus if entry.kind != BENIGN]
    assert len(hostile) >= 400
    assert len(corpus) - len(hostile) >= 80
    assert len({str(entry) for entry in corpus}) == len(corpus)
    statuses = {"pass", "fail", "timeout", "crash", "compile_error", "out_of_memory"}
    assert set().union(*(entry.allowed for entry in corpus)) == statuses
