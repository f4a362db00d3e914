"""From submissions to verdicts: composed, compiled, run in the sandbox, and judged by the rule of their language."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Literal, Protocol

from magicoder_core import MagicoderError, Status, Submission, Verdict, sandbox
from magicoder_multipl_e import caches, services, toolchains
from magicoder_multipl_e.languages.golds import Gold, gold
from magicoder_multipl_e.languages.model import MEGABYTE, Files, Kit, Language, Step
from magicoder_multipl_e.languages.rules import flooded, most_bytes, rule
from magicoder_multipl_e.languages.table import LANGUAGES
from magicoder_multipl_e.remembered import Remembered, key

Semantics = Literal["strict", "multipl-e"]
"""``strict``: the token must come back, and CPU time is limited; ``multipl-e``: exit status and elapsed time decide."""

_AHEAD = 2
"""Programs for each worker that are made ready while others run."""

_PROGRAMS_FOR_EACH_COMPILER = 3
"""At work at one time: to run one takes longer than to compile one."""

_FILE_BYTES = 256 * MEGABYTE
_OUTPUT_BYTES = 64 << 10
_TOOLS = "/usr/bin:/bin"


class Task(Protocol):
    """What is needed of a benchmark's record."""

    @property
    def language(self) -> str:
        """A key of `languages.LANGUAGES`."""

    @property
    def tests(self) -> str:
        """What follows the program's code."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How programs are judged.

    Args:
        semantics: see `Semantics`.
        cpu_scale: how many times the official seconds a program has.
        cache: whether kept verdicts are used, and new ones kept.
    """

    semantics: Semantics = "strict"
    cpu_scale: float = 1.0
    cache: bool = True


@dataclass(frozen=True)
class _Ready:
    """A submission before it runs: its verdict, if that is known already, else what to run."""

    submission: Submission
    name: str = ""
    verdict: Verdict | None = None
    job: sandbox.Commands | None = None
    language: Language | None = None


def verdicts(
    submissions: Iterable[Submission], tasks: Mapping[str, Task], options: Options | None = None
) -> Iterator[Verdict]:
    """One verdict for each submission, in order, lazily.

    Args:
        submissions: programs up to the tests.
        tasks: the record of each problem.
        options: how; the usual way if none are given.

    Raises:
        SandboxError: at the first verdict, if this machine cannot isolate programs as strongly as asked.
        RunError: tests that are no tests of the benchmark.
    """
    with ExitStack() as ending:
        judge = _Judge(options or Options(), tasks)
        ending.callback(judge.close)
        yield from judge.verdicts(submissions)


def broken(tasks: Mapping[str, Task], options: Options | None = None) -> Mapping[str, str]:
    """Problems that cannot be judged here, with the reason: the gold test of their language does not hold.

    A right program passes, a wrong one does not, and one that leaves early with exit status 0 does not either.
    """
    reasons = unfit({task.language for task in tasks.values()}, options)
    return {name: reasons[task.language] for name, task in tasks.items() if task.language in reasons}


def unfit(languages: Iterable[str], options: Options | None = None) -> Mapping[str, str]:
    """The languages that cannot be judged here, with the reason, by their gold tests."""
    chosen = sorted(set(languages))
    reasons = {name: found.message for name, found in toolchains.probes(chosen).items() if not isinstance(found, Kit)}
    golds = {name: _Golden(language=name, gold=gold(name)) for name in chosen if name not in reasons}
    how = options or Options()
    judged = list(verdicts((program for golden in golds.values() for program in golden.programs()), golds, how))
    for name in golds:
        three = [verdict for verdict in judged if verdict.problem_id == name]
        if reason := _wrong(three, by_status=how.semantics == "multipl-e"):
            reasons[name] = f"{LANGUAGES[name].spoken}: {reason}"
    return reasons


@dataclass(frozen=True, kw_only=True)
class _Golden:
    """A gold test as a task, whose programs are its samples."""

    language: str
    gold: Gold

    @property
    def tests(self) -> str:
        return self.gold.tests

    def programs(self) -> Iterator[Submission]:
        for number, code in enumerate((self.gold.right, self.gold.wrong, self.gold.leaving)):
            yield Submission(problem_id=self.language, sample=number, code=code)


def _wrong(three: list[Verdict], *, by_status: bool) -> str:
    """What the gold test shows to be wrong; empty if nothing is."""
    right, wrong, leaving = three
    if right.status != "pass":
        return f"the gold test's right program does not pass: {right.status}, {right.detail}"
    if wrong.status == "harness_error":
        return wrong.detail
    if wrong.status == "pass":
        return "the gold test's wrong program passes"
    # Officially exit status 0 is enough.
    if leaving.status == "pass" and not by_status:
        return "the gold test's program that leaves before its tests passes"
    return ""


@dataclass
class _Judge:
    """Makes programs ready in threads while others run in the sandbox."""

    options: Options
    tasks: Mapping[str, Task]
    kits: dict[str, Kit | str] = field(default_factory=dict)
    stamps: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    residents: dict[str, services.Residents] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.remembered = Remembered(on=self.options.cache)
        self.width = sandbox.width()
        self.isolation = ""

    def close(self) -> None:
        for compilers in self.residents.values():
            compilers.close()

    def verdicts(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        self.isolation = sandbox.required().level
        waiting: deque[_Ready] = deque()
        with ThreadPoolExecutor(max_workers=self.width, thread_name_prefix="compile") as threads:
            for ran in sandbox.execute(self._jobs(self._made_ready(submissions, threads), waiting)):
                yield from _known(waiting)
                yield self._judged(waiting.popleft(), ran)
        yield from _known(waiting)

    def _made_ready(self, submissions: Iterable[Submission], threads: ThreadPoolExecutor) -> Iterator[_Ready]:
        """In order, some ahead of the one that is taken."""
        left = iter(submissions)
        ahead: deque[Future[_Ready]] = deque()
        try:
            while True:
                for submission in islice(left, self.width * _AHEAD - len(ahead)):
                    ahead.append(threads.submit(copy_context().run, self._ready, submission))
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    @staticmethod
    def _jobs(made_ready: Iterator[_Ready], waiting: deque[_Ready]) -> Iterator[sandbox.Commands]:
        """The jobs to run; all submissions, with or without one, go to those that wait."""
        for ready in made_ready:
            waiting.append(ready)
            if ready.job is not None:
                yield ready.job

    def _judged(self, ready: _Ready, ran: sandbox.Ran) -> Verdict:
        assert ready.language is not None  # noqa: S101 - it has a job
        assert ready.job is not None  # noqa: S101 - or it would not have run
        status, detail = rule(ready.language, ran, by_status=self._by_status)
        if self._by_status and ready.language.polled and status != "harness_error":
            late = flooded(ran, ready.job.commands[-1].limits.cpu_seconds)
            status, detail = ("timeout", late) if late else (status, detail)
        verdict = Verdict(
            problem_id=ready.submission.problem_id,
            sample=ready.submission.sample,
            status=status,
            detail=detail,
            cpu_seconds=ran.cpu_seconds,
            isolation=ran.isolation,
        )
        self.remembered.keep(ready.name, verdict)
        return verdict

    @property
    def _by_status(self) -> bool:
        return self.options.semantics == "multipl-e"

    def _ready(self, submission: Submission) -> _Ready:
        task = self.tasks[submission.problem_id]
        language = LANGUAGES[task.language]
        kit = self._kit(language)
        if isinstance(kit, str):
            return _Ready(submission, verdict=self._verdict(submission, "harness_error", kit))
        program = self._composed(language, submission, task)
        name = self._name(language, kit, program)
        if found := self.remembered.found(name, submission.problem_id, submission.sample):
            return _Ready(submission, verdict=found)
        try:
            job = self._job(language, kit, program)
        except services.NotCompiled as ended:
            verdict = self._verdict(submission, ended.status, ended.detail)
            self.remembered.keep(name, verdict)
            return _Ready(submission, verdict=verdict)
        return _Ready(submission, name=name, job=job, language=language)

    def _verdict(self, submission: Submission, status: Status, detail: str) -> Verdict:
        return Verdict(
            problem_id=submission.problem_id,
            sample=submission.sample,
            status=status,
            detail=detail,
            isolation=self.isolation,
        )

    def _composed(self, language: Language, submission: Submission, task: Task) -> Files:
        from magicoder_multipl_e import composing

        make = composing.plain if self._by_status else composing.compose
        # Models write lone surrogates, which no file holds.
        code = submission.code.encode("utf-8", "replace").decode("utf-8")
        return make(language.key, code, task.tests)

    def _name(self, language: Language, kit: Kit, program: Files) -> str:
        options = [self.options.semantics, self.options.cpu_scale, self.isolation]
        return key(language.key, list(program.items()), options, [kit.version, self.stamps[language.key]])

    def _kit(self, language: Language) -> Kit | str:
        """The language's toolchain with what is made for it, or why there is none."""
        with self.lock:
            if language.key not in self.kits:
                kit = self.kits[language.key] = _whole(language)
                if isinstance(kit, Kit):
                    places = [*kit.commands.values(), *kit.places.values()]
                    self.stamps[language.key] = [caches.stamp(place) for place in places]
            return self.kits[language.key]

    def _compilers(self, language: Language, kit: Kit) -> services.Residents:
        """The resident compilers of a language."""
        with self.lock:
            if language.key not in self.residents:
                most = -(-self.width // _PROGRAMS_FOR_EACH_COMPILER)
                self.residents[language.key] = services.Residents(language.compiler, kit, most)
            return self.residents[language.key]

    def _job(self, language: Language, kit: Kit, program: Files) -> sandbox.Commands:
        steps = language.steps(kit, program)
        written: Mapping[str, str | bytes] = program
        if language.compiler:
            with self._compilers(language, kit).one() as compiler:
                if compiler is not None:
                    written = compiler.compile(program, steps[0].seconds * self.options.cpu_scale)
                    steps = steps[1:]
        # A program cannot read the tests that it is going to be put to.
        removed = tuple(program) if len(steps) > 1 else ()
        return sandbox.Commands(
            files=written,
            commands=tuple(_command(language, kit, step, self.options) for step in steps),
            image=sandbox.Image(folders=kit.folders),
            removed=removed,
        )


def _known(waiting: deque[_Ready]) -> Iterator[Verdict]:
    """The verdicts in front that are known already."""
    while waiting and (verdict := waiting[0].verdict) is not None:
        waiting.popleft()
        yield verdict


def _whole(language: Language) -> Kit | str:
    found = toolchains.probe(language.key)
    if not isinstance(found, Kit):
        return found.message
    try:
        return language.makes(found) if language.makes else found
    except MagicoderError as error:
        return f"{language.spoken}: {error}"


def _command(language: Language, kit: Kit, step: Step, options: Options) -> sandbox.Command:
    seconds, by_status = step.seconds * options.cpu_scale, options.semantics == "multipl-e"
    limits = sandbox.Limits(
        cpu_seconds=seconds,
        memory_bytes=language.memory_bytes,
        address_bytes=0 if language.reserves else None,
        processes=language.processes,
        file_bytes=_FILE_BYTES,
        clock="wall" if by_status else "cpu",
        # One more than is ever read officially tells that there was more.
        output_bytes=most_bytes(seconds) + 1 if by_status and language.polled else _OUTPUT_BYTES,
    )
    environment = {"PATH": _path(kit), **dict(step.environment)}
    return sandbox.Command(
        argv=step.argv, limits=limits, environment=tuple(environment.items()), compiles=step.compiles
    )


def _path(kit: Kit) -> str:
    """Where a tool finds others: beside it, and in the system's folders."""
    beside = [command.rpartition("/")[0] for command in kit.commands.values()]
    return ":".join(dict.fromkeys([*(place for place in beside if place not in _TOOLS.split(":")), *_TOOLS.split(":")]))
