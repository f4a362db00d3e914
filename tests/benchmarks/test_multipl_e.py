"""CPU of MultiPL-E: `magicoder score multipl-e` beside MultiPL-E's own evaluators, language by language.

The programs are our right and wrong answers (`plugins/multipl-e/tests/solutions`). The peer is the evaluators as
bigcode-evaluation-harness has them (8fc5bae6), in the checkout that `MAGICODER_PEER_MULTIPLE` names; they run MultiPL-E's
commands. Both judge the same programs in the same round, and their verdicts are compared one by one. Ours is the whole
command, from start to end, with its self-test, without its memory of verdicts, on as many samples as a whole benchmark
has (each program several times): the CPU of all its processes (clients/accounted.py) over the programs. What is made
once for a machine (a precompiled header, archives) is made before and told as "cold".

`MAGICODER_TEST_DATA` names the folder that has `multipl-e`; without it, it is looked for beside the repository.
`MAGICODER_TEST_LANGUAGES` names the languages to look at (`cpp,java`); without it, all. A
language whose tools are missing is left out, and so is one whose official command is (`csc`, `rdmd`).

Goals: C++ in a quarter of the official CPU, Java and TypeScript in a tenth, Rust in 1/1.3.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import driving
import pytest

HERE = Path(__file__).parent
SOLUTIONS = HERE.parents[1] / "plugins" / "multipl-e" / "tests" / "solutions"
CHECKOUT = os.environ.get("MAGICODER_PEER_MULTIPLE", "")
CHOSEN = os.environ.get("MAGICODER_TEST_LANGUAGES", "").split(",") if os.environ.get("MAGICODER_TEST_LANGUAGES") else []
DATA = Path(os.environ.get("MAGICODER_TEST_DATA") or HERE.parents[2] / "shared" / "data") / "multipl-e"
GOALS = {"cpp": 4.0, "java": 10.0, "rs": 1.3, "ts": 10.0}
# What the peer starts first, by language.
OFFICIAL = {
    "cpp": "g++",
    "cs": "csc",
    "d": "rdmd",
    "go": "go",
    "java": "javac",
    "js": "node",
    "lua": "lua",
    "php": "php",
    "pl": "perl",
    "r": "Rscript",
    "rb": "ruby",
    "rkt": "racket",
    "rs": "rustc",
    "scala": "scalac",
    "sh": "bash",
    "swift": "swiftc",
    "ts": "tsc",
}
JAR = Path("/usr/multiple/javatuples-1.2.jar")
"""Where the peer has it, whatever CLASSPATH says."""

WHOLE = 160
"""Programs of one language in a whole benchmark."""

pytestmark = pytest.mark.skipif(
    not (CHECKOUT and DATA.is_dir()), reason="MAGICODER_PEER_MULTIPLE or the data are missing"
)


def rows_of(language):
    """Each answer with its problem: name, the program up to the tests, the tests, whether it is right."""
    with (DATA / f"humaneval-{language}-reworded.jsonl").open(encoding="utf-8") as lines:
        problems = {row["name"]: row for row in map(json.loads, lines)}
    with (SOLUTIONS / f"{language}.jsonl").open(encoding="utf-8") as lines:
        answers = list(map(json.loads, lines))
    for answer in answers:
        problem = problems[answer["name"]]
        for kind in ("completion", "wrong"):
            yield problem, answer[kind], kind == "completion"


def cut(text, stops):
    """Up to the first stop token, as MultiPL-E cuts."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


def official(language, rows, folder):
    """What the peer says of each program, and its CPU seconds for each."""
    programs, results = folder / "programs.jsonl", folder / "results.jsonl"
    with programs.open("w", encoding="utf-8") as out:
        for problem, answer, _ in rows:
            program = f"{problem['prompt']}{cut(answer, problem['stop_tokens'])}\n{problem['tests']}"
            print(json.dumps({"language": problem["language"], "program": program}), file=out)
    client = HERE / "clients" / "official_multipl_e.py"
    subprocess.run([sys.executable, str(client), CHECKOUT, str(programs), str(results)], check=True, cwd=folder)
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def ours(language, rows, folder, copies, environment):
    """The report of `magicoder score`, and what the command took."""
    samples, report, told = folder / "samples.jsonl", folder / "report.json", folder / "told.json"
    with samples.open("w", encoding="utf-8") as out:
        for _ in range(copies):
            for problem, answer, _ in rows:
                print(json.dumps({"task_id": problem["name"], "language": language, "completion": answer}), file=out)
    command = driving.command("score", "multipl-e", samples, "--incomplete", "--new", "--json", report)
    for option in (f"languages=['{language}']", f"data='{DATA}'", "cache=false"):
        command += ["-o", option]
    account = [sys.executable, str(HERE / "clients" / "accounted.py"), str(told), "3600"]
    done = subprocess.run(
        [*account, *map(str, command)],
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    took = json.loads(told.read_text())
    assert took["status"] == 0, done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8")), took


@pytest.fixture
def official_jar():
    """The peer's place for javatuples, if it can be had and was not there."""
    debian = Path("/usr/share/java/javatuples.jar")
    made = debian.exists() and not JAR.exists() and os.access("/usr", os.W_OK)
    if made:
        JAR.parent.mkdir(exist_ok=True)
        JAR.symlink_to(debian)
    yield
    if made:
        JAR.unlink()
        JAR.parent.rmdir()


def test_cpu_for_a_program_in_each_language(bench, official_jar):
    table = []
    for language, first in OFFICIAL.items():
        if CHOSEN and language not in CHOSEN:
            continue
        if not shutil.which(first) or not (SOLUTIONS / f"{language}.jsonl").exists():
            bench.say(f"{language}: left out, there is no {first} here")
            continue
        rows = list(rows_of(language))
        right = [row for row in rows if row[2]]
        folder = bench.folder / language
        folder.mkdir()
        cache = {"MAGICODER_CACHE": str(folder / "cache")}
        cold = ours(language, right[:1], folder, 1, cache)[1]["cpu"]
        theirs, mine, wrong = [], [], 0
        for number in range(bench.rounds):
            copies = max(1, round(WHOLE * bench.scale / len(rows)))
            found = official(language, rows, folder)
            report, took = ours(language, rows, folder, copies, cache)
            theirs.append(sum(one["cpu_seconds"] for one in found) / len(found))
            mine.append(took["cpu"] / (copies * len(rows)))
            verdicts = [one["status"] == "pass" for one in report["verdicts"]]
            assert len(verdicts) == copies * len(rows)
            differ = [
                (rows[place % len(rows)][0]["name"], "ours" if passed else "theirs")
                for place, passed in enumerate(verdicts)
                if passed != found[place % len(rows)]["passed"]
            ]
            if number == 0:
                wrong = sum(one["passed"] != row[2] for one, row in zip(found, rows, strict=True))
                for name, whose in dict.fromkeys(differ):
                    bench.say(f"{language}: {name} passes with {whose} alone")
        ratio = statistics.median(one / other for one, other in zip(theirs, mine, strict=True))
        table.append(
            {
                "language": language,
                "programs": len(rows),
                "official ms": 1000 * statistics.median(theirs),
                "ours ms": 1000 * statistics.median(mine),
                "ratio": ratio,
                "cold s": cold,
                "official and author differ": wrong,
                "verdicts that differ": len(dict.fromkeys(differ)),
            }
        )
        if language in GOALS:
            bench.goal(f"{language} {GOALS[language]}x (got {ratio:.1f}x)", ratio >= GOALS[language])
    bench.table("MultiPL-E: CPU for a program, ours with all that the command takes", table)
