"""C++ functions that have overloads, or are templates: the tests take the function's address, which these do not have."""

from __future__ import annotations

import re

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.forwarding import arguments
from magicoder_multipl_e.members import renamed
from magicoder_multipl_e.pieces import Piece

_OTHER = "magicoder_"
"""What the name of such a function has before it."""


def has_many(name: str, source: Source) -> bool:
    """Whether code has, at its top level, a template of a name, or functions of that name with unlike parameters."""
    found = set()
    for one in re.finditer(rf"\b{name}\s*\(", source.masked):
        if source.open_at(one.start()):
            continue
        line = re.split(r"[;{}]", source.masked[: one.start()])[-1]
        if re.search(r"\btemplate\s*<", line):
            return True
        closing = source.closed_at(one.end() - 1)
        if re.search(r"[\w>&*]\s+[&*]?\Z", line) and "=" not in line and closing is not None:
            found.add(len(arguments("cpp", name, source.masked[one.start() : closing + 1])))
    return len(found) > 1


def under_other_name(name: str, code: str) -> str:
    """The code with another name for its functions of a name."""
    source = Source("cpp", code)
    return renamed(name, _OTHER + name, Piece(code, source.masked, "cpp"), r"(?=\s*[(<])").text


def renamed_call(name: str, signature: str) -> str:
    """A function with the prompt's signature that calls the one which has another name, not closed."""
    call = ", ".join(arguments("cpp", name, signature))
    return f"{signature.rstrip()}\n    return {_OTHER}{name}({call});\n"
