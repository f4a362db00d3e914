"""What the loopback model server (servers.py) says: answers, in the shapes of OpenAI's and Anthropic's interfaces.

An answer depends on the conversation alone: a problem with its solution where sections are asked for, else a program.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

ERRORS: Mapping[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "400": (
        400,
        {"message": "This model's maximum context length is 10 tokens.", "code": "context_length_exceeded"},
        {},
    ),
    "401": (401, {"message": "Incorrect API key provided: {key}.", "code": "invalid_api_key"}, {}),
    "402": (402, {"message": "Insufficient balance", "code": None}, {}),
    "403": (403, {"message": "Country not supported", "code": "unsupported_country"}, {}),
    "404": (404, {"message": "The model `x` does not exist", "code": "model_not_found"}, {}),
    "408": (408, {"message": "Request timeout"}, {}),
    "422": (422, {"message": "temperature: must not be negative"}, {}),
    "429": (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, {}),
    "429-seconds": (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, {"Retry-After": "{wait:g}"}),
    "429-ms": (429, {"message": "Rate limit reached", "code": None}, {"retry-after-ms": "{ms:g}", "Retry-After": "9"}),
    "429-date": (429, {"message": "Rate limit reached"}, {"Retry-After": "{date}"}),
    "quota": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, {"Retry-After": "1"}),
    "filtered-400": (400, {"message": "The prompt was filtered", "code": "content_filter"}, {}),
    "500": (500, {"message": "The server had an error"}, {}),
    "502": (502, {"message": "Bad gateway"}, {}),
    "503": (503, {"message": "Loading model"}, {"Retry-After": "{wait:g}"}),
    "529": (529, {"message": "Overloaded", "type": "overloaded_error"}, {}),
}
"""Faults with a status: status, the error's fields, headers."""

SPOILT = ("cut", "json", "no-choices", "null-choice", "empty", "null", "error-in-200")
"""Faults after the model has worked: there is an answer to pay for, and none to be had."""

UNGENERATED = (*ERRORS, "reset", "close", "html", "redirect")
"""Faults before the model works: nothing is charged."""

FAULTS = (
    *UNGENERATED,
    *SPOILT,
    *("truncated", "filtered", "slow", "null-usage", "no-finish", "reasoning", "think", "thinking-only"),
)
"""All that can be injected; the last line holds odd answers rather than failures."""

_GLANCE = 300
"""Characters of a snippet that are read for a word."""

FILLER = "Every number that is read is kept until the whole list has been seen, and no number is changed."


def odd(text: str) -> dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """What each odd answer has instead, in the message, in the choice and in the whole."""
    thought = "Let me think."
    return {
        "no-choices": ({}, {}, {"choices": []}),
        "null-choice": ({}, {}, {"choices": [None]}),
        "empty": ({"content": ""}, {}, {}),
        "null": ({"content": None}, {}, {}),
        "truncated": ({"content": text[: len(text) // 2]}, {"finish_reason": "length"}, {}),
        "filtered": ({"content": ""}, {"finish_reason": "content_filter"}, {}),
        "null-usage": ({}, {}, {"usage": None}),
        "no-finish": ({}, {"finish_reason": None}, {}),
        "reasoning": ({"reasoning_content": thought}, {}, {}),
        "think": ({"content": f"<think>\n{thought}\n</think>\n\n{text}"}, {}, {}),
        "thinking-only": ({"content": None, "reasoning_content": thought}, {"finish_reason": "length"}, {}),
        "error-in-200": ({}, {}, {"choices": None, "error": {"message": "Provider returned error", "code": 429}}),
    }


def content_hash(value: Any) -> str:
    """Names a request by all that is in its body (or a conversation by all that is in it)."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def number(text: str) -> int:
    """64 bits of a text's sha256."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def tokens(text: str, size: float) -> int:
    """Tokens of a text: its words, or its UTF-8 bytes by ``size`` where that is not 0."""
    if not size:
        return len(text.split())
    return -int(-len(text.encode("utf-8", "surrogatepass")) // size)


def usage(messages: Sequence[Mapping[str, Any]], texts: Sequence[str], size: float = 0.0) -> dict[str, int]:
    """What a conversation and the answers to it come to, in tokens as `tokens` counts them."""
    sent = sum(tokens(_flat(message["content"]), size) for message in messages)
    answered = sum(tokens(text, size) for text in texts)
    return {"prompt_tokens": sent, "completion_tokens": answered, "total_tokens": sent + answered}


def completion(
    body: Any, name: str, fault: str | None, *, fingerprint: str | None, length: int, size: float
) -> dict[str, Any]:
    """An answer in OpenAI's shape, made odd as ``fault`` says; ``n`` and the most tokens of the request are obeyed."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    drawn = [answer(body["messages"], sample, length) for sample in range(int(body.get("n") or 1))]
    told = [shortened(text, most, size) for text in drawn]
    used = usage(body["messages"], [text for text, _ in told], size)
    value: dict[str, Any] = {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "loopback"),
        "system_fingerprint": fingerprint,
        "choices": [_choice(place, text, whole=whole) for place, (text, whole) in enumerate(told)],
        "usage": used,
    }
    choice = value["choices"][0]
    if fault:
        text = choice["message"]["content"]
        for place, instead in zip((choice["message"], choice, value), odd(text).get(fault, ({}, {}, {})), strict=True):
            place.update(instead)
    if fault == "truncated":
        value["usage"] = usage(body["messages"], [choice["message"]["content"]], size)
    return value


def raw_text(value: dict[str, Any]) -> dict[str, Any]:
    """The same answer in the shape of OpenAI's completions of raw text."""
    choices = [choice and {"text": choice.pop("message")["content"], **choice} for choice in value["choices"] or []]
    return {**value, "object": "text_completion", "choices": choices}


def _choice(place: int, text: str, *, whole: bool) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"index": place, "message": message, "finish_reason": "stop" if whole else "length", "logprobs": None}


def shortened(text: str, most: int | None, size: float) -> tuple[str, bool]:
    """The text up to ``most`` tokens, and whether that is all of it."""
    if most is None or tokens(text, size) <= most:
        return text, True
    if size:
        return text.encode()[: int(most * size)].decode("utf-8", "ignore"), False
    return " ".join(text.split()[:most]), False


def anthropic(body: Any, name: str, length: int, size: float) -> dict[str, Any]:
    """The same answer in the shape of Anthropic's messages."""
    messages = [{"content": _flat(message["content"])} for message in body["messages"]]
    text = answer(messages, length=length)
    counted = usage(messages, [text], size)
    return {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "loopback"),
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": counted["prompt_tokens"], "output_tokens": counted["completion_tokens"]},
    }


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def answer(messages: Sequence[Mapping[str, Any]], sample: int = 0, length: int = 0) -> str:
    """What the model says: a problem with its solution if sections are asked for, else one program.

    Args:
        messages: the conversation; its last message is answered.
        sample: which of several answers to it.
        length: bytes that a problem with its solution has at least.
    """
    prompt = _flat(messages[-1]["content"])
    drawn = number("\0".join(_flat(message["content"]) for message in messages) + (f"\0{sample}" if sample else ""))
    if "[solution]" not in prompt.lower():
        names = re.findall(r"\bdef\s+(\w+)\s*\(", prompt)
        return f"```python\ndef {names[-1] if names else 'main'}(*values):\n    return {drawn % 10}\n```"
    # The longest block is the snippet; a word of its beginning will do.
    snippet = max(prompt.split("```")[1::2], key=len, default=prompt)
    words = re.findall(r"[A-Za-z]{4,}", snippet.partition("\n")[2][:_GLANCE]) or ["value"]
    word = words[drawn % len(words)].lower()
    text = _pair(drawn, word, "")
    missing = length - len(text)
    return text if missing <= 0 else _pair(drawn, word, _filler(missing))


def _filler(length: int) -> str:
    return "".join(f"{FILLER} ({place})\n" for place in range(1, 2 + length // len(FILLER)))


def _pair(seed: int, word: str, filler: str) -> str:
    """A small problem about a word of the snippet, and a solution that is valid Python and right."""
    name, step, modulus = f"{word}_score_{seed % 10**6}", 2 + seed % 97, 101 + seed % 9973
    return f"""[Problem Description]
A program keeps a list of whole numbers that belong to the word `{word}`. Write a function `{name}(numbers)` that
returns its score: each number is multiplied by {step} and by its position in the list (counted from 1), the products
are added up, and the remainder of the sum divided by {modulus} is the score. Numbers below zero are left out, but
they still take up their position. The score of an empty list is 0.
{filler}
For example, the score of `[1, 2]` is {(step + 4 * step) % modulus}.

[Solution]
```python
def {name}(numbers):
    total = 0
    for position, number in enumerate(numbers, start=1):
        if number >= 0:
            total += {step} * position * number
    return total % {modulus}
```
"""
