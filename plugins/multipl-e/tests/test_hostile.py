"""Programs that leave early, multiply, flood, hang, read the host, litter, hoard and forge: none passes, none leaves anything.

A row of `hostile/<language>.jsonl` has a `name`, its `kind`, and a `completion` (or a `solution`) that solves nothing. In it
``ROOT`` stands for the machine's root, and ``OUTSIDE`` for a folder in which the user who runs the tests may write.
"""

import os
import re
from pathlib import Path

import pytest
from magicoder_multipl_e.languages.table import LANGUAGES

from magicoder_core import sandbox

HERE = Path(__file__).parent
WITH_ROWS = sorted(path.stem for path in (HERE / "hostile").glob("*.jsonl"))

ENDS = {
    "exit": {"fail", "crash"},
    "fork": {"fail", "timeout", "out_of_memory"},
    "flood": {"fail"},
    "hang": {"timeout", "out_of_memory"},  # a compiler that is kept busy fills its memory meanwhile
    "read": {"fail", "compile_error"},
    "write": {"fail", "out_of_memory"},
    "memory": {"out_of_memory", "crash", "compile_error"},  # too deep a recursion; a compiler that gives up
    "forge": {"fail", "crash", "timeout"},  # some wait for a writer that never comes
}
"""What a row of a kind may come to."""

WHOLE_TIME = frozenset({"cs", "go", "js", "r", "rb", "rs", "scala", "swift"})
"""Languages whose programs have 5 seconds, or are slow to flood and to hoard; those of the others are given a part."""

OTHERWISE = {"rs": {"hang": {"timeout", "compile_error"}}}
"""Compilers before Rust 1.72 refuse to compute a constant for long."""

QUICK = ("exit", "read", "write", "forge")
"""Kinds whose rows end at once; the others are there to use up what they are given."""


def chosen(rows, *, all_rows):
    """All rows, or the first of each kind that ends at once; of those that write, the one that does so outside."""
    firsts = {row["kind"]: row for row in reversed(rows) if row["kind"] != "write" or "OUTSIDE" in str(row)}
    return rows if all_rows else [firsts[kind] for kind in QUICK if kind in firsts]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", WITH_ROWS)
def test_hostile_programs_do_not_pass_and_the_next_is_judged_right(bench, language, tmp_path):
    here = bench(language)
    before = processes()
    rows = [aimed(row, tmp_path) for row in chosen(here.rows("hostile"), all_rows=here.all_rows)]
    *hostile, last = here.judged([*rows, here.rows("solutions")[0]], cpu_scale=1.0 if language in WHOLE_TIME else 0.3)
    ends = ENDS | OTHERWISE.get(language, {})
    others = [
        f"{row['kind']}: {verdict.status}, {verdict.detail}: {row.get('completion') or row['solution']}"
        for row, verdict in zip(rows, hostile, strict=True)
        if verdict.status not in ends[row["kind"]]
    ]
    assert others == []
    assert (last.status, last.detail) == ("pass", "")
    assert processes() - before == set()
    assert files(here) == [""] * 4
    assert litter(tmp_path) == []


def aimed(row, outside):
    """A row at the machine that it is to hit."""
    key = "solution" if "solution" in row else "completion"
    return {**row, key: row[key].replace("ROOT/", "/").replace("OUTSIDE", str(outside))}


def processes() -> set[str]:
    """What runs below this process, but the sandbox's own servers."""
    parents, lines = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            number = int(place.name)
            parents[number] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            lines[number] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it ended meanwhile
    below, found = {os.getpid()}, set()
    while found != below:
        found = set(below)
        below |= {number for number, parent in parents.items() if parent in below}
    ours = ("inside.server", "bwrap ", "multiprocessing")
    return {
        f"{number} {lines[number]}"
        for number in below - {os.getpid()}
        if lines.get(number) and not any(word in lines[number] for word in ours)
    }


def files(here) -> list[str]:
    """What the next programs of the language find in their place and in shared memory."""
    makes = LANGUAGES[here.language].makes
    kit = makes(here.kit) if makes else here.kit
    look = sandbox.Command(argv=("/bin/ls", "-A", "."), limits=sandbox.Limits(), compiles=True)
    shared = sandbox.Command(
        argv=("/bin/sh", "-c", "ls -A; if [ $PWD = /tmp ]; then ls -A /dev/shm; fi"), limits=sandbox.Limits()
    )
    jobs = [sandbox.Commands(files={}, commands=(look, shared), image=sandbox.Image(folders=kit.folders))] * 4
    return [ran.stdout for ran in sandbox.execute(jobs)]


LITTERED = ("etc", "opt", "usr/bin", "usr/local/bin", "var/lib", "var/tmp", "tmp", "dev/shm")
"""Folders below the root in which rows write, if they can."""


def litter(outside: Path) -> list[Path]:
    """Files that rows have written outside of their place."""
    folders = [outside, *(Path("/", folder) for folder in LITTERED)]
    return [path for folder in folders if (path := folder / "hostile-was-here").exists()]


@pytest.mark.parametrize("language", WITH_ROWS)
def test_rows_write_where_it_is_looked(language):
    """With names and in folders of which `litter` knows, and in one where only the sandbox hinders them."""
    text = (HERE / "hostile" / f"{language}.jsonl").read_text("utf-8")
    assert "OUTSIDE" in text
    assert set(re.findall(r"ROOT/([\w/]+?)(?:/hostile-was-here|(?=[ ;]))", text)) <= set(LITTERED)
    assert set(re.findall(r"[\w-]*hostile[\w-]*(?=[\"'\\ ])", text)) <= {"hostile-was-here", "hostile"}


@pytest.mark.parametrize("language", WITH_ROWS)
def test_there_are_rows_of_all_kinds(language):
    rows = (HERE / "hostile" / f"{language}.jsonl").read_text("utf-8").splitlines()
    assert len(rows) >= 20
    assert {kind for kind in ENDS if not any(f'"kind": "{kind}"' in row for row in rows)} == set()
