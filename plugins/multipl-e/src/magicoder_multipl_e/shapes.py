"""What functions, entry points and usage examples look like in each language, as patterns for masked text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_BEGIN = r"(?<![^\n;{{}}])[ \t]*(?!(?:if|else|for|while|switch|case|return|throw|new|do)\b)"
_TYPED = _BEGIN + r"(?:[\w:<>,&*\[\]!().?~$]+[ \t\n]+){{1,40}}?[&*]?{name}\s*\((?=[^;{{}}]{{0,1000}}\{{)"
_METHOD = (
    _BEGIN
    + r"(?:@\w+(?:\([^()]*\))?\s+)*(?:[\w<>,.?\[\]]+[ \t\n]+){{1,40}}?{name}\s*(?:<[^()]*>)?\((?=[^;{{}}]{{0,1000}}(?:\{{|=>))"
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One language's forms; patterns are multi-line and look at code without its comments and strings.

    Args:
        entry: what a prompt's signature looks like; group 1 is the function's name.
        defines: a definition of the function ``{name}``.
        within: the same of forms that are one only in a class or a table; a group of ``via...`` is what stands before the name.
        ends: what a line ends with where a declaration is over (``;`` and ``}``); none: where the line ends.
        first: what must stand before all else.
        dropped: declarations that the tests have, too, or that would run on their own.
        declares: what a declaration begins with; none means that all is.
        shows: statements that show or test a program, or end it, those that name the function apart.
        blocks: loops, conditions and calls of unnamed functions, which may do so, or may be needed.
        opens: a function that is left open, where the tests close the function and the answer's is not the last.
        wraps: the function stands in a class.
        words: whether blocks end with the word ``end``.
    """

    entry: str
    defines: str
    within: str = ""
    ends: str = ""
    first: str = ""
    dropped: str = ""
    declares: str = ""
    shows: str = ""
    blocks: str = ""
    opens: str = ""
    wraps: bool = False
    words: bool = False


_CURLY_ENDS = ";}"
_SCRIPT = r"(?:export\s+(?:default\s+)?)?"

SHAPES: Mapping[str, Shape] = {
    "cpp": Shape(
        entry=r"(\w+)\(",
        defines=_TYPED.replace(_BEGIN, _BEGIN + r'(?:extern\s+"[^"\n]*"\s+)?')
        + r"|^[ \t]*(?:(?:static|const|constexpr|inline)\s+)*(?:auto|std::function\s*<[^;=]*>)\s+{name}\s*[={{]",
        ends=_CURLY_ENDS,
        dropped=r"^[^\n;=]*\bmain\s*\(|^\s*TEST(?:_F|_P|_CASE)?\s*\(|^\s*#\s*include\s*<(?:gtest|gmock|catch2|doctest|boost/test)",
        opens="static inline void magicoder_end() {",
    ),
    "cs": Shape(
        entry=r"(\w+)\(",
        defines=_METHOD,
        ends=_CURLY_ENDS,
        dropped=r"\bMain\s*\(|^\s*using\s+(?:static\s+)?(?:Xunit|NUnit|Moq|FluentAssertions|Microsoft\.VisualStudio)\b",
        opens="    static void MagicoderEnd() {",
        wraps=True,
    ),
    "d": Shape(
        entry=r"(\w+)\(",
        defines=_TYPED + "|" + _TYPED.removesuffix(r"\{{)") + r"=>)",
        ends=_CURLY_ENDS,
        dropped=r"^\s*(?:module\b|(?:void|int)\s+main\s*\(|(?:@\w+\s+)*unittest\b)",
    ),
    "dart": Shape(
        entry=r"(\w+)\(",
        defines=_TYPED,
        ends=_CURLY_ENDS,
        dropped=r"^[^\n;=]*\bmain\s*\(",
        opens="void magicoderEnd() {",
    ),
    "go": Shape(
        entry=r"func (\w+)\(",
        defines=r"^func\s+{name}\s*(?:\[[^\]]*\])?\(|^var\s+{name}\b[^=\n]*=\s*func\b",
        within=r"^func\s*\(\s*(?:\w+\s+)?(?P<via>\*?\w+)\s*\)\s*{name}\s*\(",
        dropped=r"^\s*(?:package\b|func\s+(?:main|Test\w*|Benchmark\w*|Example\w*)\s*\()",
    ),
    "java": Shape(
        entry=r"(\w+)\(",
        defines=_METHOD,
        ends=_CURLY_ENDS,
        dropped=r"\bvoid\s+main\s*\(|^\s*package\b|^\s*import\s+(?:static\s+)?(?:org\.(?:junit|test[n]g|mockito|hamcrest|assertj)|junit)\b",
        opens="    static void magicoderEnd() {",
        wraps=True,
    ),
    "jl": Shape(
        entry=r"function (\w+)\(",
        defines=r"^[ \t]*(?:@\w+ )*(?:function\s+{name}\s*\(|{name}\([^\n]*\)[^\n=]*=(?!=)|(?:const\s+)?{name}\s*=(?![=>]))",
        declares=r"(?:@\w+\s+)*(?:function|macro|struct|mutable|abstract|primitive|const|using|import|module|export|begin|\w+\s*=(?!=)|\w+\([^\n]*\)[^\n=]*=(?!=))",
        shows=r"println|print|@show|@test|@assert|@time|main\b|exit|readline",
        blocks=r"(?:if|for|while|let|try|begin)\b",
        words=True,
    ),
    "js": Shape(
        entry=r"function (\w+)\(",
        defines=rf"^[ \t]*{_SCRIPT}(?:(?:async\s+)?function\s*\*?\s*{{name}}\s*[(<]|(?:const|let|var)\s+{{name}}\b(?:[^=\n]|=>)*=(?![=>])|(?:let|var)\s+{{name}}\s*(?::[^=\n]*)?;|{{name}}\s*=(?![=>]))",
        within=r"(?<![^\n;{{}}])[ \t]*(?:(?:public|private|protected|static|async|readonly)\s+)*(?:{name}\s*(?:<[^()]*>)?\((?=[^;{{}}]*\{{)|{name}\s*[:=]\s*(?:async\s*)?(?:function\b|\(|\w+\s*=>))|^[ \t]*(?P<via>[\w.]+)\.{name}\s*=\s*(?:async\s*)?(?:function\b|\(|\w+\s*=>)",
        dropped=r"^\s*(?:(?:const|let|var)\s+(?:assert|\{[^}\n]*\bassert\b[^}\n]*\})\s*=|import\b[^\n]*\bassert\b|(?:async\s+)?function\s+(?:test|main)\s*\(|export\s*(?:(?:type\s*)?\{|\*|=|default\s+\w+\s*;?\s*$)|(?:module\.)?exports\b)",
        declares=rf"{_SCRIPT}(?:async\s+function|function|class|const|let|var|import|type|interface|enum|declare|abstract|namespace)\b",
        shows=r"console|main\s*\(|process|require|test\s*\(",
        blocks=r"(?:if|for|while|do|try|switch)\b|;?\(\s*(?:async\s*)?(?:function|\()",
    ),
    "lua": Shape(
        entry=r"function (\w+)\(",
        defines=r"^[ \t]*(?:(?:local\s+)?function\s+{name}\s*\(|(?:local\s+)?{name}\s*=(?!=)|local\s+{name}\s*;?[ \t]*$)",
        within=r"^[ \t]*function\s+(?P<via1>[\w.]+)[.:]{name}\s*\(|^[ \t]*(?P<via2>[\w.]+)\.{name}\s*=\s*function\b|(?<![^\n,;{{])[ \t]*{name}\s*=\s*function\b",
        dropped=r"^\s*(?:local\s+)?lu\s*=\s*require|^\s*return\b",
        declares=r"(?:local\b|function\b|[\w.]+\s*=(?!=))",
        shows=r"print|io\.|os\.exit|assert|main\s*\(|lu\.",
        blocks=r"(?:if|for|while|do|repeat)\b|\(\s*function",
        words=True,
    ),
    "php": Shape(
        entry=r"function (\w+)\(",
        defines=r"(?<![^\n;{{}}>])[ \t]*function\s+&?{name}\s*\(",
        within=r"(?<![^\n;{{}}])[ \t]*(?:(?:public|private|protected|static|final)\s+)*function\s+&?{name}\s*\(",
        ends=_CURLY_ENDS,
        first=r"^\s*(?:declare\s*\(|namespace\b)",
        dropped=r"^\s*(?:\?>|function\s+(?:test|candidate|main)\s*\(|(?:(?:final|abstract)\s+)*class\s+\w+\s+extends\s+[\\\w]*TestCase\b)",
        declares=r"(?:function|(?:abstract\s+|final\s+|readonly\s+)*class|interface|trait|enum|const|use|define|\$\w+\s*=|namespace|declare)\b",
        shows=r"echo|print|var_dump|printf|assert|(?:main|test)\s*\(|exit|die|\?>",
        blocks=r"(?:if|for|foreach|while|do|switch|try)\b|\(\s*function",
    ),
    "pl": Shape(
        entry=r"sub (\w+)",
        defines=r"^[ \t]*sub\s+{name}\b\s*(?:\([^)\n]*\)\s*)?\{{",
        ends=_CURLY_ENDS,
        declares=r"(?:sub|use|no|our|my|package|require|BEGIN|local)\b",
        shows=r"print|say|printf|exit|main\s*\(|die|is\s*\(|ok\s*\(|done_testing|1\s*;",
        blocks=r"(?:if|unless|for|foreach|while|until|do)\b|\{",
    ),
    "r": Shape(
        entry=r"([\w.]+) <- function",
        defines=r"^[ \t]*[`\"]?{name}[`\"]?\s*(?:<-|=(?!=))|->>?\s*{name}[ \t]*$",
        declares=r"(?:[\w.`\"]+\s*(?:<-|=(?!=))|library\b|require\b|suppress|set\w+\b)",
        shows=r"print|cat|message|stopifnot|quit|q\(|main\s*\(|invisible",
        blocks=r"(?:if|for|while|repeat)\b",
    ),
    "rb": Shape(
        entry=r"def (\w+)",
        defines=r"^[ \t]*(?:private\s+)?def\s+{name}\b",
        within=r"^[ \t]*(?:\w+\s+)?def\s+(?P<via>self|[A-Z]\w*)\.{name}\b",
        dropped=r"^\s*(?:class\s+\w+\s*<\s*(?:::)?(?:Test::Unit::TestCase|Minitest|MiniTest)|(?:RSpec\.)?describe\b)",
        declares=r"(?:(?:def|class|module|require|require_relative|private|using|include|extend|alias)\b|\$?\w+\s*=(?!=))",
        shows=r"puts|print|p\b|pp\b|main\b|exit|abort|raise|assert",
        blocks=r"(?:if|unless|for|while|until|begin|case)\b",
        words=True,
    ),
    "rkt": Shape(
        entry=r"\(define \(([^\s()]+)",
        defines=r"\(define\S*\s+\(*\s*{name}(?=[\s()\]])|\(set!\s+{name}(?=\s)",
        dropped=r"^\s*(?:#lang\b|\(module[+*]?\s)",
        declares=r"[(\[]\s*(?:define|struct|require|provide|begin-for-syntax|begin)[^\s()]*",
        shows=r"[(\[]?\s*(?:display|print|writeln|write|check-|test-|main\b)",
        blocks=r"[(\[]\s*(?:for|when|unless|if|let|do|cond|case)[^\s()]*",
    ),
    "rs": Shape(
        entry=r"fn (\w+)",
        defines=r"^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:const\s+|unsafe\s+)*fn\s+{name}\s*[(<]",
        ends=_CURLY_ENDS,
        first=r"^\s*#!\[",
        dropped=r"^(?:\s*#\[[^\]\n]*\])*\s*(?:pub\s+)?(?:fn\s+main\s*\(|mod\s+tests?\b)",
        opens="#[allow(dead_code)]\nfn magicoder_end() {",
    ),
    "scala": Shape(
        entry=r"def (\w+)",
        defines=r"\bdef\s+{name}\s*[(\[:=](?:(?<==)|(?=(?:(?!\bdef\b)[^{{}}=;])*[={{]))",
        dropped=r"\bdef\s+main\s*\(|^\s*package\b|^\s*import\s+org\.(?:scalatest|junit|scalacheck)\b|\bextends\s+(?:Any)?(?:Fun|Flat|Word|Free)(?:Suite|Spec)",
        declares=r"(?:@\w+(?:\([^)]*\))?\s*)*(?:(?:private|protected|override|final|implicit|lazy|sealed|abstract|case|inline)(?:\[\w+\])?\s+)*(?:def|val|var|object|class|trait|type|import)\b",
        shows=r"println|print|assert|main\s*\(|require",
        opens="    def magicoderEnd(): Unit = {",
        wraps=True,
    ),
    "sh": Shape(
        entry=r"^(\w+)\(\)",
        defines=r"^[ \t]*(?:function\s+{name}\s*(?:\(\s*\))?|{name}\s*\(\s*\))\s*[{{(\[]",
        declares=r"(?:function\s+[\w-]+|[\w-]+\s*\(\s*\)|declare\b|readonly\b|set\b|shopt\b|source\b|\w+=|export\b|local\b)",
        shows=r"echo|printf|main\b|exit|read\b|cat\b|time\b",
        blocks=r"(?:if|for|while|until|case|select|test)\b|\[|\(",
        opens="magicoder_end() {\n    :",
    ),
    "swift": Shape(
        entry=r"func (\w+)",
        defines=r"^[ \t]*(?:(?:public|internal|private|fileprivate|static)\s+|@\w+\s+)*func\s+{name}\s*[(<]",
        dropped=r"^\s*(?:@main\b|(?:@testable\s+)?import\s+XCTest\b|(?:final\s+)?class\s+\w+\s*:\s*XCTestCase\b)",
        declares=r"(?:@\w+(?:\([^)]*\))?\s*)*(?:(?:public|internal|private|fileprivate|final|indirect|static|mutating|open|lazy)\s+)*(?:func|struct|class|enum|protocol|extension|import|let|var|typealias|infix|prefix|postfix|precedencegroup|actor)\b",
        shows=r"print|assert|precondition|debugPrint|main\s*\(|exit|\w+\.defaultTestSuite",
        blocks=r"(?:if|for|while|repeat|do|guard|switch)\b",
        opens="func magicoderEnd() {",
    ),
}
SHAPES = {**SHAPES, "ts": SHAPES["js"]}
"""The languages whose answers are taken apart; the others' are taken as they are."""
