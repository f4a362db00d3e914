"""The reply in the body of an answer of OpenAI's shape, whatever else its server has put into it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from magicoder_core.errors import TeacherError
from magicoder_core.http.kinds import FILTER_CODES, QUOTA_CODES, decoded, explanation, kind_of, one_line
from magicoder_core.records import Reply, Usage

_EXCERPT = 300
"""Bytes of a body that is no answer that are looked at for a user's line."""


def reply(raw: bytes) -> Reply:
    """The answer in the body of a success of OpenAI's shape.

    Raises:
        TeacherError: ``malformed``: it is no such body, or has no answer in it; ``content_filter``: the answer was
            withheld; or what an error in the body means, which gateways send with status 200.
    """
    value = decoded(raw)
    if not isinstance(value, dict):
        # What begins like JSON is an answer that lost its end: it was generated, so it is billed.
        raise TeacherError("malformed", f"not JSON: {_start(raw)}", charged=raw.lstrip().startswith(b"{"))
    if value.get("error") and not value.get("choices"):
        raise _error_in_success(raw)
    return read(value)


def read(value: Mapping[str, Any]) -> Reply:
    """The reply in an answer of OpenAI's shape; what may be missing there (usage, model, reasoning) may be here.

    Raw text that was gone on with may end where it stood: then the reply's text is empty.

    Raises:
        TeacherError: ``malformed`` without a choice or any text, ``content_filter`` if the text was withheld.
    """
    usage = _usage(value.get("usage"))
    given = value.get("choices")
    choices = [choice for choice in given if isinstance(choice, dict)] if isinstance(given, list) else []
    if not choices:
        raise TeacherError("malformed", "an answer with no choice", charged=usage.prompt_tokens > 0)
    model = str(value.get("model") or "")
    text, reasoning, finish = _choice(choices[0])
    if not text or text.isspace():
        _without_text(choices[0], reasoning, finish)
    alternatives = tuple(map(_alternative, choices[1:])) if len(choices) > 1 else ()
    return Reply(
        text=text, finish_reason=finish, usage=usage, model=model, reasoning=reasoning, alternatives=alternatives
    )


def _alternative(choice: Mapping[str, Any]) -> Reply:
    text, reasoning, finish = _choice(choice)
    return Reply(text=text, finish_reason=finish, reasoning=reasoning)


def _choice(choice: Mapping[str, Any]) -> tuple[str, str | None, str]:
    """Text, reasoning and finish reason of one choice.

    Servers keep reasoning in a field of its own, in a typed part or in the text.
    """
    message = choice.get("message")
    finish = str(choice.get("finish_reason") or "stop")
    if not isinstance(message, dict):
        if _is_raw(choice):
            return choice["text"], None, finish
        message = {}
    content = message.get("content")
    apart = message.get("reasoning_content") or message.get("reasoning")
    if not isinstance(apart, str):
        apart = None if isinstance(content, str) else _joined(content, "thinking")
    text = content if isinstance(content, str) else _joined(content, "text")
    if apart:
        return text, apart, finish
    return (text, None, finish) if "<" not in text else (*split_reasoning(text), finish)


def _is_raw(choice: Mapping[str, Any]) -> bool:
    """Whether it goes on with raw text: a model that was asked nothing does not think aloud either."""
    return not isinstance(choice.get("message"), dict) and isinstance(choice.get("text"), str)


def _error_in_success(raw: bytes) -> TeacherError:
    """Gateways send the errors of those behind them with status 200."""
    message, codes = explanation(raw)
    status = next((int(code) for code in codes if code.isdecimal()), 0)
    known = status >= HTTPStatus.BAD_REQUEST or codes & (QUOTA_CODES | FILTER_CODES)
    return TeacherError(kind_of(status, codes) if known else "malformed", message)


def _without_text(choice: Mapping[str, Any], reasoning: str | None, finish: str) -> None:
    if finish == "content_filter":
        raise TeacherError("content_filter", "the provider withheld the answer", charged=True)
    # A model that thought until its tokens were used up is cut short, which is a result: asked again it does the same.
    if not (finish == "length" and reasoning) and not _is_raw(choice):
        raise TeacherError("malformed", f"an answer with no text (finish_reason {finish})", charged=True)


def _joined(content: Any, kind: str) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(_part_text(part.get(kind)) for part in parts if isinstance(part, dict) and part.get("type") == kind)


def _part_text(value: Any) -> str:
    return value if isinstance(value, str) else _joined(value, "text")


def split_reasoning(text: str) -> tuple[str, str | None]:
    """An answer without the ``<think>`` trace before it, and the trace (None: there is none).

    A trace without its opening mark is one too: some chat templates put that mark into the prompt. One without
    its closing mark stays in the text, which is cut short then.
    """
    if "</think>" not in text:
        return text, None
    whole = re.match(r"\s*<think>(.*?)</think>\s*", text, re.DOTALL)
    if whole is None and "<think>" not in text and text.count("</think>") == 1:
        whole = re.match(r"(.*?)^[ \t]*</think>\s*$\s*", text, re.DOTALL | re.MULTILINE)
    return (text[whole.end() :], whole[1].strip()) if whole else (text, None)


def _usage(value: Any) -> Usage:
    given = value if isinstance(value, dict) else {}
    return Usage(
        prompt_tokens=_count(given.get("prompt_tokens")), completion_tokens=_count(given.get("completion_tokens"))
    )


def _count(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    return int(value) if isinstance(value, (int, float)) and 0 < value < math.inf else 0


def _start(raw: bytes) -> str:
    return one_line(raw[:_EXCERPT].decode("utf-8", "replace"))[:80] or "an empty body"
