"""What a model thought aloud before its answer, and the end marks that chat templates leave in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from magicoder_core.answers.fence import blocks, marks

_WORDS = "think|thought|reason|scratchpad|reflection|monologue"
# As tags (DeepSeek-R1, QwQ, EXAONE, Seed-OSS), in brackets (Magistral), framed (Kimi-VL, OpenThinker).
_TAG = re.compile(
    rf"""(?:[<◁](?P<end>/?)(?:seed:)?(?P<name>(?:inner[_ ])?(?:{_WORDS})(?:ing|s)?)(?:\s[^<>\n]{{0,80}})?[>▷]
        |\[(?P<slash>/?)(?P<bracket>think(?:ing)?)\]
        |<\|(?P<edge>begin|end)_of_(?P<of>thought|thinking|reasoning)\|>)""",
    re.IGNORECASE | re.VERBOSE,
)
_CHANNEL, _FINAL = "<|channel|>", "<|channel|>final<|message|>"
_TOKENS = re.compile(r"(?:\s*(?:<\|[\w ]{1,30}\|>|</s>|<end_of_turn>|<eos>|\[/INST\]))+\s*\Z")
_TOKEN_ROOM = 200


class _Edge:
    """A mark where thought begins or ends."""

    __slots__ = ("end", "ends", "family", "start")

    def __init__(self, found: re.Match[str]) -> None:
        self.start, self.end = found.span()
        self.ends = bool(found["end"] or found["slash"] or (found["edge"] or "").lower() == "end")
        self.family = (found["name"] or found["bracket"] or found["of"]).lower()


def without_reasoning(text: str) -> str | None:
    """The answer without the thought before or between its parts; None if a thought has no end."""
    if "<|" in text or text.startswith("analysis"):
        spoken = _spoken(text)
        if spoken is None:
            return None
        text = spoken
    if not hints(text):
        return text
    edges = list(_edges(text))
    return _cut(text, edges) if edges else text


def hints(text: str) -> bool:
    """Whether a text may hold a tag of thought; spelled out, as each answer is asked this."""
    if "<" not in text and "\u25c1" not in text and not ("/" in text and "[/" in text) and "[THINK" not in text:
        return False
    lowered = text.lower()
    return (
        "think" in lowered
        or "thought" in lowered
        or "reason" in lowered
        or "scratchpad" in lowered
        or "reflection" in lowered
        or "monologue" in lowered
    )


def _spoken(text: str) -> str | None:
    """The final channel of an answer in gpt-oss' format, without end tokens at the end of the text."""
    if _CHANNEL in text:
        _, final, text = text.rpartition(_FINAL)
        if not final:
            return None
    elif text.startswith("analysis") and "assistantfinal" in text:  # the same, its special tokens removed
        text = text.rpartition("assistantfinal")[2]
    if text.rstrip().endswith((">", "]")):
        room = max(0, len(text) - _TOKEN_ROOM)
        text = text[:room] + _TOKENS.sub("", text[room:])
    return text


def _edges(text: str) -> Iterator[_Edge]:
    """The marks that are none of the text's own: not quoted, and not in a line's midst where they begin a thought."""
    for found in _TAG.finditer(text):
        edge = _Edge(found)
        before = text[edge.start - 1 : edge.start]
        if before in {"`", "'", '"'} or (not edge.ends and not _begins_line(text, edge.start)):
            continue
        yield edge


def _begins_line(text: str, at: int) -> bool:
    start = text.rfind("\n", max(0, at - 8), at) + 1
    return (start > 0 or at < 8) and not text[start:at].strip()  # noqa: PLR2004 - as far as it looked


def _cut(text: str, edges: list[_Edge]) -> str | None:
    # Last first, so that those that have been passed are let go at the list's end.
    hidden = [(first.start, last.start if last else len(text)) for first, last in blocks(marks(text))][::-1]
    parts, kept, opened = list[str](), 0, None
    for edge in edges:
        if opened is not None:
            if edge.ends and edge.family == opened.family:
                kept, opened = edge.end, None
        elif _within(hidden, edge.start):
            continue
        elif edge.ends:
            # Some chat templates open the thought in the prompt, so that only its end stands in the answer.
            parts, kept = [], edge.end
        else:
            parts.append(text[kept : edge.start])
            opened = edge
    return None if opened is not None else "".join([*parts, text[kept:]])


def _within(spans: list[tuple[int, int]], at: int) -> bool:
    """Whether a position, later than the last one, is in one of the spans, of which the last is the next."""
    while spans and spans[-1][1] <= at:
        spans.pop()
    return bool(spans) and spans[-1][0] <= at
