"""What EvalPlus does to the process of a program, done in the program's box, to reproduce its verdicts.

Source: evalplus/evalplus, v0.3.1, ``evalplus/eval/utils.py`` (``reliability_guard``, ``swallow_io``) and
``unsafe_execute``; the main branch (26d6d00) has the same. The program runs in a namespace of its own whose
``__name__`` is ``builtins``; functions of the operating system are None, some modules cannot be imported; while it
defines its functions and in each call, what it prints goes nowhere, and reading raises.

Not done: its limits of memory, which count the evaluator as well.
"""

from __future__ import annotations

from dataclasses import replace

from magicoder_core import sandbox

_AROUND = """\
import builtins, contextlib, io, os, resource, shutil, subprocess, sys, tempfile, tokenize


class NoCode(Exception):
    pass


class Deaf(io.StringIO):
    def read(self, *args, **kwargs):
        raise OSError

    readline = readlines = read

    def readable(self, *args, **kwargs):
        return False


def hushed(function, *args):
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = sys.stdout = sys.stderr = Deaf()
    try:
        return function(*args)
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept


def deep(levels, function, *args):
    return deep(levels - 1, function, *args) if levels > 0 else function(*args)


def levels_so_far():
    frame, count = sys._getframe(1), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


def compiled(text):
    try:
        return compile(text, "<program>", "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f" (line {error.lineno} of the program)" if error.lineno else ""
        raise NoCode(f"{type(error).__name__}: {error.msg}{place}") from None
    except BaseException as error:
        raise NoCode(f"{type(error).__name__}: {error}") from None


with contextlib.suppress(OSError):
    tempfile.gettempdir()
for word, name in (("numpy", "numpy"), ("multiprocessing", "multiprocessing"), ("concurrent", "multiprocessing")):
    if word in text:
        with contextlib.suppress(Exception):
            __import__(name)
with contextlib.suppress(ValueError, OSError):
    resource.setrlimit(resource.RLIMIT_STACK, (stack, stack))
os.environ["OMP_NUM_THREADS"] = "1"
for module, names in (
    (builtins, "exit quit help open"),
    (os, "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
         "unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"),
    (shutil, "rmtree move chown"),
    (subprocess, "Popen"),
):
    for name in names.split():
        setattr(module, name, None)
for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
    sys.modules[name] = None
space = {}
more = levels - levels_so_far()
hushed(deep, more, exec, compiled(text), space)
if wanted in space:
    function = space[wanted]
    given[wanted] = lambda *args: hushed(deep, more + 1, function, *args)
"""
"""Runs before the program, and runs it. What is imported first keeps functions that are None later on, or needs them."""

_LEVELS = 26
"""How deep the stack is before `evalplus.evaluate` runs a program's definitions, less what is the same here; one more in
a call. Measured with Python 3.11: recursion so ends where it ends there."""

_STACK_BYTES = 4 << 30
_SCRIPT = 'exec(compile({around!r}, "<evalplus>", "exec"), dict({names}))\n'
"""A single line, under a name that is not the program's: whatever line a detail names is one of the program."""

_NO_CODE = "NoCode: "
_PLACE = " (line 1 of the program)"


def guarded(code: str, entry_point: str) -> str:
    """A program that runs ``code`` as EvalPlus would, and whose function ``entry_point`` calls that of ``code``."""
    names = f"given=globals(), text={code!r}, wanted={entry_point!r}, levels={_LEVELS}, stack={_STACK_BYTES}"
    return _SCRIPT.format(around=_AROUND, names=names)


def told(answers: sandbox.Answers) -> sandbox.Answers:
    """The answers of a `guarded` program, as if it had not been: one that is no Python is a ``compile_error``."""
    if answers.status != "fail" or not answers.detail.startswith(_NO_CODE):
        return answers
    detail = answers.detail.removeprefix(_NO_CODE).removesuffix(_PLACE)
    return replace(answers, status="compile_error", detail=detail)
