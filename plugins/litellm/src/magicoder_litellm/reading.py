"""The reply in an answer's body, whichever provider it comes from: the body says itself whose format it is.

    a list ``choices``                        OpenAI's, and what this plugin keeps of LiteLLM's own responses
    ``type`` is ``message``                   Anthropic's messages (docs.claude.com, API reference, Messages)
    ``candidates`` or ``promptFeedback``      Gemini's generateContent (ai.google.dev, API reference)
    a string ``response``, or ``message``     Ollama's generate and chat (github.com/ollama/ollama, docs/api.md)

Each is brought into OpenAI's shape, as LiteLLM does, and read by the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from magicoder_core import Reply, http

_ENDS: Mapping[str, str] = {
    **dict.fromkeys(("end_turn", "stop_sequence", "STOP", "eos", "eos_token", "COMPLETE"), "stop"),
    **dict.fromkeys(
        ("max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded", "pause_turn"), "length"
    ),
    **dict.fromkeys(
        (
            *("refusal", "content_filtered", "sensitive", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST"),
            *("PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE"),
        ),
        "content_filter",
    ),
}
"""Providers' words for how an answer ended. Unknown ones stay as they are: for LiteLLM they mean ``stop``, but an
answer that ended for a reason nobody knows (DeepSeek's ``insufficient_system_resource``, say) is not known to be whole."""


_WITHHELD = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT"}
)
"""Gemini's ends of answers that were flagged; LiteLLM gives nothing of their text either."""


def reply(body: bytes) -> Reply:
    """The reply in ``body``.

    Raises:
        TeacherError: as `magicoder_core.http.reply` says.
    """
    value = _decoded(body)
    if not isinstance(value, dict) or (value.get("error") and not value.get("choices")):
        return http.reply(body)
    return http.read(_openai_shape(value))


def _decoded(body: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # the core tells what it is instead, and reads what is almost JSON


def _openai_shape(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(value.get("choices"), list):
        return {**value, "choices": [_renamed(choice) for choice in value["choices"]]}
    if value.get("type") == "message":
        return _anthropic(value)
    if "candidates" in value or "promptFeedback" in value:
        return _gemini(value)
    if isinstance(value.get("response"), str) or isinstance(value.get("message"), dict):
        return _ollama(value)
    return value


def _renamed(choice: Any) -> Any:
    end = choice.get("finish_reason") if isinstance(choice, dict) else None
    return {**choice, "finish_reason": _ENDS[end]} if isinstance(end, str) and end in _ENDS else choice


def _anthropic(value: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = _mappings(value.get("content"))
    used = _mapping(value.get("usage"))
    sent = sum(
        _count(used.get(name)) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    choice = _choice(value.get("stop_reason"), _text(parts, "text"), _text(parts, "thinking"))
    return _answer(value.get("model"), [choice], sent, _count(used.get("output_tokens")))


def _gemini(value: Mapping[str, Any]) -> Mapping[str, Any]:
    used = _mapping(value.get("usageMetadata"))
    sent, answered, thought, total = (
        _count(used.get(f"{name}TokenCount")) for name in ("prompt", "candidates", "thoughts", "total")
    )
    # Thoughts are billed as answer and counted apart, except where the total shows that they are in it already.
    answered += 0 if sent + answered == total else thought
    candidates = _mappings(value.get("candidates"))
    blocked = not candidates and _mapping(value.get("promptFeedback")).get("blockReason")
    choices = [_choice("SAFETY", "", "")] if blocked else [_candidate(each) for each in candidates]
    return _answer(value.get("modelVersion"), choices, sent, answered)


def _candidate(candidate: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = _mappings(_mapping(candidate.get("content")).get("parts"))
    thought = _text((part for part in parts if part.get("thought")), "text")
    end = candidate.get("finishReason")
    text = "" if end in _WITHHELD else _text((part for part in parts if not part.get("thought")), "text")
    return _choice(end, text, thought)


def _ollama(value: Mapping[str, Any]) -> Mapping[str, Any]:
    message = value["message"] if isinstance(value.get("message"), dict) else value
    text = message.get("content") if message is not value else value.get("response")
    choice = _choice(value.get("done_reason"), text, message.get("thinking"))
    return _answer(
        value.get("model"), [choice], _count(value.get("prompt_eval_count")), _count(value.get("eval_count"))
    )


def _answer(model: Any, choices: Sequence[Mapping[str, Any]], sent: int, answered: int) -> Mapping[str, Any]:
    return {
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": sent, "completion_tokens": answered},
    }


def _choice(end: Any, text: Any, thought: Any) -> Mapping[str, Any]:
    message = {"content": text, "reasoning_content": thought or None}
    return {"finish_reason": _ENDS.get(str(end), end), "message": message}


def _text(parts: Iterable[Mapping[str, Any]], name: str) -> str:
    return "".join(part[name] for part in parts if isinstance(part.get(name), str))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
