"""A function at the top level that calls the one which an answer has in a class, a module, a namespace or a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from magicoder_multipl_e.chunking import Source
from magicoder_multipl_e.finding import Place

_TYPES = {"class", "struct", "record", "union", "actor", "extension", "enum", "interface", "trait"}
_LEFT_OPEN = {"cpp": "return {};", "rs": "{}", "swift": "return {}"}
_CLOSED = {
    "d": ("return {};", "}"),
    "go": ("return {}", "}"),
    "js": ("return {};", "}"),
    "ts": ("return {};", "}"),
    "php": ("return {};", "}"),
    "lua": ("return {}", "end"),
    "rb": ("{}", "end"),
    "jl": ("return {}", "end"),
}


def forward(source: Source, place: Place, name: str, signature: str) -> str:
    """A function with the prompt's signature that calls the answer's.

    Args:
        source: the answer's code.
        place: where it defines the function.
        name: the function's name.
        signature: the last line of the prompt.

    Returns:
        The lines, not closed where the tests close them; nothing, where the function is at the top level, or the answer
        gives it its name there by itself.
    """
    if not (place.owners or place.via) or _is_known(source, place, name):
        return ""
    language = source.language
    if (make := _TARGETS.get(language)) is None or not (target := make(source, place, name)):
        return ""
    call = f"{target}({', '.join(arguments(language, name, signature))})"
    head = f"{signature.rstrip()} {{" if language == "d" else signature.rstrip()
    if language in _LEFT_OPEN:
        return f"{head}\n    {_LEFT_OPEN[language].format(call)}\n"
    line, end = _CLOSED[language]
    return f"{head}\n    {line.format(call)}\n{end}\n"


def arguments(language: str, name: str, signature: str) -> list[str]:
    """What a call must have between its brackets to hand on the parameters of a signature."""
    start = signature.find("(", max(signature.find(name), 0))
    if start < 0:
        return []
    parts, depth, part = [], 0, ""
    for letter in signature[start + 1 :]:
        depth += (letter in "([{<") - (letter in ")]}>")
        if depth < 0:
            break
        if letter == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [_argument(language, one.strip()) for one in [*parts, part] if one.strip()]


def _argument(language: str, parameter: str) -> str:
    if language == "swift":
        label, _, inner = parameter.partition(":")[0].strip().partition(" ")
        return inner.strip() if label == "_" else f"{label}: {inner.strip() or label}"
    if language == "go":
        return parameter.split(maxsplit=1)[0]
    before = parameter.partition(":")[0] if language in {"rs", "ts", "scala", "jl"} else parameter
    words: list[str] = re.findall(r"\$\w+" if language == "php" else r"\w+", before)
    return words[-1] if words else before


def _is_known(source: Source, place: Place, name: str) -> bool:
    """Whether the answer has the function's name at its top level all the same."""
    if not place.owners:
        return False
    owner = re.escape(place.owners[-1].name)
    pattern = {
        "cpp": rf"^\s*using\s+(?:namespace\s+{owner}\s*;|[\w:]*\b{name}\s*;)",
        "rs": rf"^\s*(?:pub\s+)?use\s+[^;]*(?:\b{name}\b|\b{owner}::\*)",
        "rb": rf"^include\s+{owner}\b",
        "jl": rf"^(?:using|import)\s+\.+{owner}\b",
        "js": rf"^(?:const|let|var)\s*\{{[^}}]*\b{name}\b[^}}]*\}}\s*=",
    }.get({"ts": "js"}.get(source.language, source.language))
    return pattern is not None and re.search(pattern, source.masked, re.MULTILINE) is not None


def is_static(source: Source, place: Place) -> bool:
    """Whether a definition says that it belongs to its class."""
    return re.search(r"\b(?:static|class)\b", source.masked[place.begin : place.end]) is not None


def _cpp(source: Source, place: Place, name: str) -> str:
    path = "::".join(owner.name for owner in place.owners)
    made = place.owners[-1].kind in _TYPES and not is_static(source, place)
    return f"{path}().{name}" if made else f"{path}::{name}"


def _d(source: Source, place: Place, name: str) -> str:
    path, kind = ".".join(owner.name for owner in place.owners), place.owners[-1].kind
    if is_static(source, place):
        return f"{path}.{name}"
    return f"(new {path}).{name}" if kind == "class" else f"{path}().{name}"


def _rust(source: Source, place: Place, name: str) -> str:
    path = "::".join(owner.name for owner in place.owners)
    head = source.masked[place.begin :]
    if not re.match(rf"[^(]*\b{name}\s*(?:<[^(]*>)?\(\s*(?:&\s*)?(?:'\w+\s+)?(?:mut\s+)?self\b", head):
        return f"{path}::{name}"
    kind = place.owners[-1].name
    if re.search(r"\bfn\s+new\s*\(\s*\)", source.masked):
        return f"{path}::new().{name}"
    if re.search(rf"\bstruct\s+{kind}\s*;", source.masked):
        return f"{path}.{name}"
    if re.search(rf"\bstruct\s+{kind}\s*\{{\s*\}}", source.masked):
        return f"{path} {{}}.{name}"
    return f"{path}::default().{name}"


def _javascript(source: Source, place: Place, name: str) -> str:
    if place.via:
        return f"{place.via}.{name}"
    path = ".".join(owner.name for owner in place.owners)
    made = place.owners[-1].kind == "class" and not is_static(source, place)
    return f"new {path}().{name}" if made else f"{path}.{name}"


def _php(source: Source, place: Place, name: str) -> str:
    owner = place.owners[-1]
    if owner.kind == "namespace":
        return f"\\{owner.name}\\{name}"
    return f"{owner.name}::{name}" if is_static(source, place) else f"(new {owner.name}())->{name}"


def _ruby(source: Source, place: Place, name: str) -> str:
    owners = [owner for owner in place.owners if owner.kind != "self"]
    if not owners:
        return f"TOPLEVEL_BINDING.receiver.{name}" if place.via == "self" else f"{place.via}.{name}"
    path = "::".join(owner.name for owner in owners)
    own = len(owners) < len(place.owners) or "self." in source.masked[place.begin : place.end]
    if own or re.search(r"^\s*(?:extend\s+self|module_function)\b", source.masked, re.MULTILINE):
        return f"{path}.{name}"
    made = f"{path}.new" if owners[-1].kind == "class" else f"Object.new.extend({path})"
    return f"{made}.{name}"


def _lua(source: Source, place: Place, name: str) -> str:
    table = place.via or place.owners[-1].name
    if not re.search(rf":\s*{name}\b", source.masked[place.begin : place.end]):
        return f"{table}.{name}"
    if found := re.search(rf"\bfunction\s+{re.escape(table)}([.:])new\b", source.masked):
        return f"{table}{found[1]}new():{name}"
    return f"{table}:{name}"


def _go(source: Source, place: Place, name: str) -> str:
    del source
    return f"new({place.via.lstrip('*').strip()}).{name}"


def _swift(source: Source, place: Place, name: str) -> str:
    path = ".".join(owner.name for owner in place.owners)
    made = place.owners[-1].kind != "enum" and not is_static(source, place)
    return f"{path}().{name}" if made else f"{path}.{name}"


def _julia(source: Source, place: Place, name: str) -> str:
    del source
    return ".".join([*(owner.name for owner in place.owners), name])


_TARGETS: Mapping[str, Callable[[Source, Place, str], str]] = {
    "cpp": _cpp,
    "d": _d,
    "go": _go,
    "jl": _julia,
    "js": _javascript,
    "lua": _lua,
    "php": _php,
    "rb": _ruby,
    "rs": _rust,
    "swift": _swift,
    "ts": _javascript,
}
