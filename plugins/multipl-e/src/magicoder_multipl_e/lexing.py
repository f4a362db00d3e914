"""Source code with what braces and keywords must not be looked for in blanked out: comments and the insides of strings.

`masked` keeps every character's place, so that what is found in the masked text can be cut out of the real one. It knows
the forms of `_TOKENS`; where a text breaks them off (an open string), the rest of the line or of the text is taken as
inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

_Scan = Callable[[str, int, "re.Match[str]"], int]
"""Where the token ends that begins at a place."""

_CLOSE = {"(": ")", "[": "]", "{": "}", "<": ">"}


def masked(language: str, text: str) -> str:
    """The text with comments as blanks, and strings as their first and last character with dots between them.

    Args:
        language: a key of `naming.NAMES`.
        text: code, complete or not.

    Returns:
        As many characters, with the same line ends.
    """
    pattern, scans = _lexicon(language)
    parts: list[str] = []
    at = 0
    while (found := pattern.search(text, at)) is not None:
        kind = str(found.lastgroup)
        end = min(scans[kind](text, found.start(), found), len(text))
        parts += [text[at : found.start()], _blank(text[found.start() : end], comment=kind.startswith("comment"))]
        at = max(end, found.end() if end <= found.start() else end)
    parts.append(text[at:])
    return "".join(parts)


_INSIDE = re.compile(r"[^\n]")


def _blank(token: str, *, comment: bool) -> str:
    """A token without its inside."""
    if comment:
        return _INSIDE.sub(" ", token)
    dots = _INSIDE.sub(".", token)
    return f'"{dots[1:-1]}"' if len(token) > 1 and token[-1] != "\n" else dots


def _whole(text: str, at: int, found: re.Match[str]) -> int:
    del text, at
    return found.end()


def _nested(opening: str, closing: str) -> _Scan:
    """A comment that may hold others of its kind."""
    either = re.compile(f"{re.escape(opening)}|{re.escape(closing)}")

    def scan(text: str, at: int, found: re.Match[str]) -> int:
        del found
        depth, here = 0, at
        while (one := either.search(text, here)) is not None:
            depth += 1 if one[0] == opening else -1
            here = one.end()
            if not depth:
                return here
        return len(text)

    return scan


def _string(closing: str, holes: str = "", *, escapes: bool = True, lines: bool = True) -> _Scan:
    r"""A string up to ``closing``; code in ``holes`` (as ``${`` or ``\(``) may have strings of its own.

    Args:
        closing: what ends it.
        holes: a pattern of what begins a hole; its last character is the bracket.
        escapes: whether a backslash takes the next character's meaning away.
        lines: whether it may go on over lines.
    """
    wanted = [f"(?P<hole>{holes})"] if holes else []
    wanted += [r"(?P<escape>\\.)"] if escapes else []
    wanted += [f"(?P<end>{re.escape(closing)})"] + ([] if lines else [r"(?P<line>\n)"])
    pattern = re.compile("|".join(wanted), re.DOTALL)

    def scan(text: str, at: int, found: re.Match[str]) -> int:
        del at
        here = found.end()
        while (one := pattern.search(text, here)) is not None:
            if one.lastgroup == "end":
                return one.end()
            if one.lastgroup == "line":
                return one.start()
            here = _hole(text, one.end()) if one.lastgroup == "hole" else one.end()
        return len(text)

    return scan


def _hole(text: str, at: int) -> int:
    """Where the bracket that was opened before ``at`` is closed, strings within it left out."""
    opening = text[at - 1]
    closing = _CLOSE[opening]
    depth = 1
    while at < len(text) and depth:
        letter = text[at]
        if letter in "\"'`":
            end = at + 1
            while end < len(text) and text[end] not in {letter, "\n"}:
                end += 2 if text[end] == "\\" else 1
            at = end
        depth += (letter == opening) - (letter == closing)
        at += 1
    return at


def _raw(text: str, at: int, found: re.Match[str]) -> int:
    """A string whose end its begin tells: group ``mark`` between what the token has around it."""
    del at
    mark = next(value for name, value in found.groupdict().items() if name.startswith("mark") and value is not None)
    begin = found[0]
    if begin.startswith(("R", "u8R", "uR", "LR")):
        closing = f'){mark}"'
    elif "[" in begin:  # Lua
        closing = f"]{mark}]"
    else:
        closing = f'"{mark}'
    end = text.find(closing, found.end())
    return len(text) if end < 0 else end + len(closing)


def _heredoc(text: str, at: int, found: re.Match[str]) -> int:
    """A document that begins on the next line and ends with a line that is its mark; the rest of this line is code."""
    del at
    mark = next(value for name, value in found.groupdict().items() if name.startswith("mark") and value is not None)
    end = re.compile(rf"\n[ \t]*{re.escape(mark)}\b").search(text, found.end())
    return len(text) if end is None else end.end()


def _delimited(text: str, at: int, found: re.Match[str]) -> int:
    """Perl's and Ruby's quotes with a delimiter of one's choice; of ``s``, ``tr`` and ``y`` both halves."""
    del at
    word = found[0].rstrip()
    end = _to_delimiter(text, found.end() - 1)
    if word[:-1].rstrip() in {"s", "tr", "y"}:
        if text[end - 1 : end] in {")", "]", "}", ">"}:
            second = re.compile(r"\s*").match(text, end)
            end = _to_delimiter(text, second.end() if second else end)
        else:
            end = _to_delimiter(text, end - 1)
    flags = re.compile(r"[a-z]*").match(text, end)
    return flags.end() if flags else end


def _to_delimiter(text: str, at: int) -> int:
    """Where what begins with the delimiter at a place ends."""
    opening = text[at : at + 1]
    closing = _CLOSE.get(opening, opening)
    depth, here = 1, at + 1
    while here < len(text):
        letter = text[here]
        if letter == "\\":
            here += 2
            continue
        if letter == closing:
            depth -= 1
            if not depth:
                return here + 1
        elif letter == opening:
            depth += 1
        here += 1
    return len(text)


def _regex(text: str, at: int, found: re.Match[str]) -> int:
    """A regular expression between slashes, on one line; otherwise the slash alone."""
    del found
    end = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*").match(text, at)
    return end.end() if end else at + 1


_LINE, _BLOCK = ("comment", r"//[^\n]*", _whole), ("comment_block", r"/\*.*?(?:\*/|\Z)", _whole)
_HASH = ("comment", r"\#[^\n]*", _whole)
_DOUBLE = ("double", '"', _string('"'))
_SINGLE = ("single", "'", _string("'"))
_SHORT = ("double", '"', _string('"', lines=False))
_CHARACTER = ("single", r"'(?:\\[^\n]{1,9}?|[^'\\\n])'", _whole)
_SLASHED = (
    "regex",
    r"(?:(?<=[=(,\[!&|?:;{}~])|(?<=[=(,\[!&|?:;{}~] )|(?<=\breturn )|(?<=\bsplit )|(?<=\bif )|(?<=\bunless )|(?<=^))/(?![/*=\s])",
    _regex,
)

_TOKENS: Mapping[str, tuple[tuple[str, str, _Scan], ...]] = {
    "cpp": (
        _LINE,
        _BLOCK,
        ("raw", r'(?:u8|u|L)?R"(?P<mark>[^()\\\s]{0,16})\(', _raw),
        _SHORT,
        ("digits", r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", _whole),
        _CHARACTER,
    ),
    "cs": (
        _LINE,
        _BLOCK,
        ("long", r'\$*"""', _string('"""', escapes=False)),
        ("verbatim", r'(?:\$@|@\$|@)"(?:""|[^"])*"?', _whole),
        ("hole", r'\$"', _string('"', r"(?<!\{)\{(?!\{)", lines=False)),
        _SHORT,
        _CHARACTER,
    ),
    "d": (
        _LINE,
        _BLOCK,
        ("comment_plus", r"/\+", _nested("/+", "+/")),
        ("wysiwyg", r'r"[^"]*"?|`[^`]*`?', _whole),
        _DOUBLE,
        _CHARACTER,
    ),
    "go": (_LINE, _BLOCK, ("raw", r"`[^`]*`?", _whole), _SHORT, _CHARACTER),
    "java": (_LINE, _BLOCK, ("long", '"""', _string('"""')), _SHORT, _CHARACTER),
    "jl": (
        ("comment_block", "#=", _nested("#=", "=#")),
        _HASH,
        ("long", '"""', _string('"""', r"\$\(")),
        ("double", '"', _string('"', r"\$\(")),
        _CHARACTER,
    ),
    "js": (
        _LINE,
        _BLOCK,
        ("template", "`", _string("`", r"\$\{")),
        _SHORT,
        ("single", "'", _string("'", lines=False)),
        _SLASHED,
    ),
    "lua": (
        ("comment_block", r"--\[(?P<mark>=*)\[", _raw),
        ("comment", r"--[^\n]*", _whole),
        ("long", r"\[(?P<mark2>=*)\[", _raw),
        _SHORT,
        ("single", "'", _string("'", lines=False)),
    ),
    "php": (
        _LINE,
        _BLOCK,
        ("comment_hash", r"\#(?!\[)[^\n]*", _whole),
        ("heredoc", r"<<<[ \t]*[\"']?(?P<mark>\w+)[\"']?", _heredoc),
        _DOUBLE,
        _SINGLE,
    ),
    "pl": (
        ("comment_pod", r"^=[a-z]\w*\b.*?(?:^=cut[^\n]*|\Z)", _whole),
        ("comment", r"(?<!\$)(?<!\$\{)\#[^\n]*", _whole),
        ("heredoc", r"<<~?(?:\"(?P<mark>\w+)\"|'(?P<mark2>\w+)'|(?P<mark3>[A-Z_]\w*))", _heredoc),
        ("quote", r"(?<![\w$@%&>{])(?:qq|qw|qr|q|m|s|tr|y)(?:[ \t]*[^\w\s,;=)>]|[ \t]*=(?![>=~]))", _delimited),
        _DOUBLE,
        ("single", r"(?<![\w$])'", _string("'")),
        (
            "slash",
            r"(?:(?<=[=(,\[!&|?:;{}~])|(?<=[=(,\[!&|?:;{}~] )|(?<=\bsplit )|(?<=\bsplit\()|(?<=\bif )|(?<=\bunless )|(?<=\band )|(?<=\bor )|(?<=\bgrep ))/(?![/=\s])",
            _regex,
        ),
    ),
    "py": (("long", r"'''|\"\"\"", _whole), _HASH, _SHORT, ("single", "'", _string("'", lines=False))),
    "r": (
        _HASH,
        ("raw", r"[rR](?:\"(?P<mark>-*)\(.*?\)(?P=mark)\"|'(?P<mark2>-*)\(.*?\)(?P=mark2)')", _whole),
        _DOUBLE,
        _SINGLE,
        ("tick", r"`[^`\n]*`", _whole),
    ),
    "rb": (
        ("comment_block", r"^=begin\b.*?(?:^=end[^\n]*|\Z)", _whole),
        _HASH,
        ("heredoc", r"<<[~-]?(?:\"(?P<mark>\w+)\"|'(?P<mark2>\w+)'|(?P<mark3>[A-Z_]+)\b)", _heredoc),
        ("quote", r"%(?:[wWiIqQrsx](?=[\[({<!|/])|(?<=[=(,\s]%)(?=[\[({]))[\[({<!|/]", _delimited),
        ("double", '"', _string('"', r"\#\{")),
        _SINGLE,
        ("tick", "`", _string("`", r"\#\{")),
        _SLASHED,
        ("letter", r"(?<![\w)\]?])\?[a-zA-Z(){}\[\]\"'#](?!\w)", _whole),
    ),
    "rkt": (
        ("comment_block", r"\#\|", _nested("#|", "|#")),
        ("letter", r"\#\\(?:[a-zA-Z]+|.)", _whole),
        ("comment", r";[^\n]*", _whole),
        _DOUBLE,
    ),
    "rs": (
        _LINE,
        ("comment_block", r"/\*", _nested("/*", "*/")),
        ("raw", r'b?r(?P<mark>\#*)"', _raw),
        _DOUBLE,
        _CHARACTER,
    ),
    "scala": (
        _LINE,
        ("comment_block", r"/\*", _nested("/*", "*/")),
        ("long", r'(?:\b[sf])?"""', _string('"""', escapes=False)),
        ("hole", r'\b(?:s|f|raw)"', _string('"', r"\$\{", lines=False)),
        _SHORT,
        _CHARACTER,
    ),
    "sh": (
        ("comment", r"(?:(?<=[\s;])|(?<![\s\S]))\#[^\n]*", _whole),
        ("heredoc", r"(?<![<\w(])<<-?[ \t]*[\"']?(?P<mark>[A-Za-z_]\w*)[\"']?", _heredoc),
        ("escape", r"\\.", _whole),
        ("ansi", r"\$'", _string("'")),
        ("double", '"', _string('"', r"\$\(|\$\{")),
        ("single", "'", _string("'", escapes=False)),
    ),
    "swift": (
        _LINE,
        ("comment_block", r"/\*", _nested("/*", "*/")),
        ("raw", r'(?P<mark>\#+)"', _raw),
        ("long", '"""', _string('"""', r"\\\(")),
        ("double", '"', _string('"', r"\\\(", lines=False)),
    ),
}
_SAME = {"ts": "js", "dart": "js"}


@cache
def _lexicon(language: str) -> tuple[re.Pattern[str], dict[str, _Scan]]:
    tokens = _TOKENS.get(_SAME.get(language, language), ())
    pattern = "|".join(f"(?P<{name}>{expression})" for name, expression, _ in tokens) or r"(?!)"
    return re.compile(pattern, re.DOTALL | re.MULTILINE), {name: scan for name, _, scan in tokens}
