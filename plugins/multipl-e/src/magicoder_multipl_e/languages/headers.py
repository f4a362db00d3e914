"""The C++ library's headers, compiled once: all of them, and those that programs of a benchmark mostly need.

    full/bits/stdc++.h    a copy of the library's header of all headers, and what the compiler made of it (100 MB)
    lean/bits/stdc++.h    the same without `RARE`
    names                 every word that stands in the first and not in the second

Half of the time that is left with all headers goes into templates that `RARE` asks for at the end of each program. A
program that has none of the names cannot tell the one from the other.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from magicoder_multipl_e.languages.looking import ran

CPP = ("-std=c++17",)
"""The compiler's options that a precompiled header depends on; a program is compiled with the same."""

RARE = (
    *("chrono", "condition_variable", "execution", "filesystem", "future", "memory_resource", "mutex", "regex"),
    *("shared_mutex", "thread"),
)
_ALL = "bits/stdc++.h"
_WORD = re.compile(r"[A-Za-z_]\w*")
# A text or a comment; whichever begins first decides what the other's marks inside it are.
_TEXT_OR_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
# Raw texts, and quotes that begin no character by themselves: 1'000, 0xF'F, u'x'.
_UNCLEAR = re.compile(r"""R"|\d'\d|0[xX][\w']*'|\b(?:u8|[uUL])'""")
# Words that are none by themselves: 5s is a number of seconds.
_DURATION = re.compile(r"\d(?:h|min|s|ms|us|ns)\b")
# What may come before all headers without a difference: comments, and headers that are among them.
_BEFORE = re.compile(
    r"(?:\s+|//[^\n]*|/\*.*?\*/|#[ \t]*include[ \t]*<[\w/.]+>)*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.DOTALL
)


def make(compiler: str, folder: Path) -> None:
    """Fill an empty folder.

    Raises:
        RunError: the compiler has no such header, or cannot precompile it.
    """
    told = ran(compiler, *CPP, "-E", "-x", "c++", "-", given=f"#include <{_ALL}>\n")
    marked = next((line for line in told.splitlines() if line.startswith("# ") and f'/{_ALL}"' in line), '"')
    text = Path(marked.split('"')[1]).read_text("utf-8")
    lean = re.sub(rf"^[ \t]*#[ \t]*include[ \t]*<(?:{'|'.join(RARE)})>", "", text, flags=re.MULTILINE)
    names = _words(compiler, folder / "full", text) - _words(compiler, folder / "lean", lean) | set(RARE)
    (folder / "names").write_text("\n".join(sorted(names)), encoding="utf-8")


def _words(compiler: str, folder: Path, text: str) -> set[str]:
    """Precompile a header; all words of what it comes to, macros, too."""
    header = folder / _ALL
    header.parent.mkdir(parents=True)
    header.write_text(text, encoding="utf-8")
    ran(compiler, *CPP, "-x", "c++-header", str(header), "-o", f"{header}.gch")
    return set(_WORD.findall(ran(compiler, *CPP, "-E", "-dD", "-P", "-x", "c++", str(header))))


def given(folder: str | None, program: str) -> tuple[str, ...]:
    """The compiler's options that give a program the headers it begins with ready-made; none where that differs."""
    if folder is None or not _BEFORE.match(program):
        return ()
    code = _without_comments(program)
    rare = _DURATION.search(code) or not _names(folder).isdisjoint(_WORD.findall(code))
    return ("-include", _ALL, f"-I{folder}/{'full' if rare else 'lean'}")


def _without_comments(program: str) -> str:
    """A program without its comments, or as it is where it is not plain what is one."""
    if _UNCLEAR.search(program):
        return program
    return _TEXT_OR_COMMENT.sub(lambda found: found[1] or " ", program)


@lru_cache(maxsize=4)
def _names(folder: str) -> frozenset[str]:
    return frozenset(Path(folder, "names").read_text("utf-8").splitlines())
