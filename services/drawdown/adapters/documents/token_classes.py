"""Providers' usage objects → token classes that exclude one another, as a rate card prices them.

OpenAI (chat and responses, and the many that speak like it) counts cached tokens in the prompt and
reasoning in the completion; Anthropic and Bedrock count cached tokens beside the input; Gemini
counts cached tokens in the prompt and thoughts beside the candidates.
"""

from collections.abc import Mapping
from typing import Any, Final

from drawdown.errors import InvalidDocument

_CACHED: Final = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
"""Where OpenAI-like providers state cached tokens, if not in the details."""
_MODALITIES: Final = {"AUDIO": "audio", "IMAGE": "image", "VIDEO": "video"}


def exclusive_quantities(usage: Mapping[str, Any]) -> dict[str, int]:
    """Tokens by class: `input` and `output` always, the others where there are any.

    Their sum is every token of the request, once. Raises `InvalidDocument` if the object is of no
    known shape or states a part that is more than its whole.
    """
    if "promptTokenCount" in usage or "candidatesTokenCount" in usage:
        classes = _gemini(usage)
    elif "inputTokens" in usage:
        classes = _beside(usage, "inputTokens", "outputTokens", "cacheRead", "cacheWrite")
    elif "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage:
        classes = _beside(usage, "input_tokens", "output_tokens", "cache_read", "cache_creation")
    elif "prompt_tokens" in usage:
        classes = _openai(usage, "prompt_tokens", "completion_tokens")
    elif "input_tokens" in usage:
        classes = _openai(usage, "input_tokens", "output_tokens")
    else:
        raise InvalidDocument("usage: neither input_tokens, prompt_tokens nor promptTokenCount")
    return {name: n for name, n in classes.items() if n or name in ("input", "output")}


def _openai(usage: Mapping[str, Any], prompt: str, completion: str) -> dict[str, int]:
    given = _inner(usage, f"{prompt}_details")
    made = _inner(usage, f"{completion}_details")
    cached = _count(given, "cached_tokens")
    if "cached_tokens" not in given:
        cached = next((_count(usage, name) for name in _CACHED if name in usage), 0)
    cached_audio = _count(_inner(given, "cached_tokens_details"), "audio_tokens")
    parts = {
        "cached_input": cached - cached_audio,
        "cached_audio_input": cached_audio,
        "cache_write": _count(given, "cache_write_tokens"),
        "audio_input": _count(given, "audio_tokens") - cached_audio,
        "image_input": _count(given, "image_tokens"),
    }
    reasoning = _count(made, "reasoning_tokens") or _count(made, "thinking_tokens")
    made_parts = {
        "reasoning": reasoning,
        "audio_output": _count(made, "audio_tokens"),
        "image_output": _count(made, "image_tokens"),
    }
    whole = _count(usage, completion)
    if reasoning and _count(usage, "total_tokens") == _count(usage, prompt) + whole + reasoning:
        whole += reasoning  # Some, such as xAI, count reasoning beside the completion.
    return {
        **_apart("input", _count(usage, prompt), parts, prompt),
        **_apart("output", whole, made_parts, completion),
    }


def _beside(
    usage: Mapping[str, Any], given: str, made: str, read: str, write: str
) -> dict[str, int]:
    """Anthropic and Bedrock: the input doesn't contain what was read from or put into a cache."""
    tail = "InputTokens" if given == "inputTokens" else "_input_tokens"
    written = _count(usage, f"{write}{tail}")
    hour = _count(_inner(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    thinking = _count(_inner(usage, f"{made}_details"), "thinking_tokens")
    return {
        "input": _count(usage, given),
        "cached_input": _count(usage, f"{read}{tail}"),
        **_apart("cache_write", written, {"cache_write_1h": hour}, f"{write}{tail}"),
        **_apart("output", _count(usage, made), {"reasoning": thinking}, made),
    }


def _gemini(usage: Mapping[str, Any]) -> dict[str, int]:
    given = _modalities(usage, "promptTokensDetails")
    cached = _modalities(usage, "cacheTokensDetails")
    made = _modalities(usage, "candidatesTokensDetails")
    cached_audio = cached.get("audio", 0)
    all_cached = _count(usage, "cachedContentTokenCount")
    parts = {
        "cached_input": all_cached - cached_audio,
        "cached_audio_input": cached_audio,
        "audio_input": given.get("audio", 0) - cached_audio,
    }
    made_parts = {f"{kind}_output": count for kind, count in made.items()}
    prompt = _apart("input", _count(usage, "promptTokenCount"), parts, "promptTokenCount")
    prompt["input"] += _count(usage, "toolUsePromptTokenCount")
    candidates = _count(usage, "candidatesTokenCount")
    return {
        **prompt,
        **_apart("output", candidates, made_parts, "candidatesTokenCount"),
        "reasoning": _count(usage, "thoughtsTokenCount"),
    }


def _apart(name: str, whole: int, parts: dict[str, int], field: str) -> dict[str, int]:
    """The whole without its parts, and the parts."""
    rest = whole - sum(parts.values())
    if rest < 0 or any(count < 0 for count in parts.values()):
        stated = " + ".join(f"{part} {count}" for part, count in parts.items() if count)
        raise InvalidDocument(f"usage: {field} is {whole}, but its parts are {stated}")
    return {name: rest, **parts}


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidDocument(f"usage: {name} must be a count of tokens, not {value!r:.40}")
    return value


def _inner(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = usage.get(name)
    return value if isinstance(value, Mapping) else {}


def _modalities(usage: Mapping[str, Any], name: str) -> dict[str, int]:
    """Tokens by modality, text and documents left out."""
    counts: dict[str, int] = {}
    listed = usage.get(name)
    for each in listed if isinstance(listed, list) else []:
        kind = _MODALITIES.get(str(each.get("modality"))) if isinstance(each, Mapping) else None
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + _count(each, "tokenCount")
    return counts
