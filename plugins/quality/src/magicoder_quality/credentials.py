"""Credentials in a text: the detectors of detect-secrets (as bc-detect-secrets keeps it), and a few that it lacks.

Each detector is asked only about texts that have a piece of what it looks for; none of them verifies anything over the
network here. Placeholders are no credentials: examples of the providers' own documentation, ``YOUR_API_KEY``, runs of one
character, ``user:password@localhost``.
"""

from __future__ import annotations

import base64
import importlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

DETECTORS = {
    "artifactory.ArtifactoryDetector": ("akc", "artif", "jfrog", "buildkit"),
    "aws.AWSKeyDetector": ("akia", "asia", "abia", "acca", "a3t", "aws"),
    "azure_storage_key.AzureStorageKeyDetector": ("accountkey", "account_key"),
    "basic_auth.BasicAuthDetector": ("://",),
    "cloudant.CloudantDetector": ("cloudant", "clou"),
    "discord.DiscordBotTokenDetector": ("discord", "token"),
    "github_token.GitHubTokenDetector": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "ibm_cos_hmac.IbmCosHmacDetector": ("secret",),
    "jwt.JwtTokenDetector": ("eyj",),
    "mailchimp.MailchimpDetector": ("-us",),
    "npm.NpmDetector": ("npm_", "_authtoken", "npm token", "npm-token"),
    "private_key.PrivateKeyDetector": ("private key", "putty"),
    "sendgrid.SendGridDetector": ("sg.",),
    "slack.SlackDetector": ("xox", "hooks.slack.com"),
    "softlayer.SoftlayerDetector": ("softlayer", "sl_", "sl-"),
    "square_oauth.SquareOAuthDetector": ("sq0csp",),
    "stripe.StripeDetector": ("k_live_",),
    "twilio.TwilioKeyDetector": ("twilio", "account_sid", "accountsid"),
}
"""The detectors in use, each with pieces of which a text must have one (in lower case) for it to be asked.

Two are asked less than they would find: of Discord's and Twilio's a name must stand beside the token, for any hexadecimal
number and any three words with dots look like one.
"""

_OWN = {
    "OpenAI or Anthropic Key": re.compile(r"\bsk-(?:proj-|svcacct-|ant-(?:api\d\d-)?)?[A-Za-z0-9_-]{32,}"),
    "Google API Key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    "GitHub Token": re.compile(r"\bgithub_pat_[0-9A-Za-z_]{50,}"),
    "GitLab Token": re.compile(r"\bglpat-[0-9A-Za-z_-]{20,}"),
    "Hugging Face Token": re.compile(r"\bhf_[A-Za-z]{34}\b"),
    "PyPI Token": re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
}
_HINTS = ("sk-", "aiza", "github_pat_", "glpat-", "hf_", "pypi-ag")
_ASSIGNED = re.compile(
    r"(?:api[_-]?key|secret(?:[_-]?(?:access)?[_-]?key)?|auth[_-]?token|access[_-]?token|private[_-]?token|client[_-]?secret)"
    r"[\"']?\]?\s*(?::=|=>|[:=])\s*[\"']([A-Za-z0-9+/_=.-]{20,200})[\"']",
    re.IGNORECASE,
)
_ASSIGNED_HINTS = ("api_key", "api-key", "apikey", "secret", "token")

_PLACEHOLDER = re.compile(
    r"example|sample|dummy|fake|placeholder|your|my[-_]|changeme|change[-_]me|replace|insert|xxxx|\.\.\.|\*\*\*|0000|1234567|"
    r"abcdef|test[-_]?(?:key|token|secret)|secret[-_]?key|access[-_]?token|api[-_]?key|redacted|todo|<|>|\$\{|\{\{|%s|lorem|foobar",
    re.IGNORECASE,
)
_WEAK_WORDS = (
    "password passwd pass pwd secret user username admin administrator root guest test tester postgres mysql mongo redis "
    "rabbitmq token key foo bar baz mypassword mysecret mypass yourpassword db_password dbpassword pw p@ssw0rd p4ssw0rd "
    "hunter2 123456 12345 1234 123 qwerty letmein"
)
_WEAK = frozenset(_WEAK_WORDS.split())
_URL = re.compile(r"://([^\s:/@\"'<>]+):([^\s@\"'<>]+)@([^\s/:\"'<>?#]*)")
_HERE = re.compile(
    r"localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1|example|host\b|hostname|server\b|domain|proxy|.*\.local\b|[a-z]+$"
)
_ENTROPY, _HEX_ENTROPY = 3.7, 3.0
_MOST_FOUND = 20
_LONGEST = 2000
"""Characters of a line that are looked at."""
_OVER_LINES = frozenset({"private_key.PrivateKeyDetector"})


class Credential(NamedTuple):
    """What was found: its kind, and where it stands in the text."""

    kind: str
    start: int
    text: str


def credentials(text: str, *, assigned: bool = True) -> list[Credential]:
    """The credentials in a text, in its order; ``assigned``: also random texts that are given to what is called a key."""
    lower = text.lower()
    found: list[Credential] = []
    for one in _candidates(text, lower, assigned=assigned):
        if not _is_placeholder(one, text) and not any(one.text in other.text for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)[:_MOST_FOUND]


def _candidates(text: str, lower: str, *, assigned: bool) -> Iterator[Credential]:
    for name, hints in DETECTORS.items():
        if any(hint in lower for hint in hints):
            yield from _found_by(_detector(name), text, hints)
    if any(hint in lower for hint in _HINTS):
        for kind, pattern in _OWN.items():
            yield from (Credential(kind, match.start(), match[0]) for match in pattern.finditer(text))
    if assigned and any(hint in lower for hint in _ASSIGNED_HINTS):
        for match in _ASSIGNED.finditer(text):
            if _is_random(match[1]):
                yield Credential("Assigned Secret", match.start(1), match[1])


def _found_by(detector: Detector, text: str, hints: Iterable[str]) -> Iterator[Credential]:
    # A private key goes over many lines. On a line that is megabytes long the library's patterns take minutes.
    pieces = [(0, text)] if detector.lines else _lines(text, hints)
    for offset, piece in pieces:
        for pattern in detector.patterns:
            for match in pattern.finditer(piece):
                # The longest group is the secret in its surroundings, unless it is only a prefix with alternatives.
                group = max(range(match.re.groups + 1), key=lambda number: (number > 0, len(match[number] or "")))
                group = 0 if not match[group] or match[0].startswith(match[group]) else group
                if detector.valid(match[group]):
                    yield Credential(detector.kind, offset + match.start(group), match[group])


def _lines(text: str, hints: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines that have one of the hints, each with its offset, as far as anybody would read."""
    at = 0
    for line in text.split("\n"):
        shown = line[:_LONGEST]
        lower = shown.lower()
        if any(hint in lower for hint in hints):
            yield at, shown
        at += len(line) + 1


class Detector(NamedTuple):
    """A detector of the library: what it finds, by which patterns, over many ``lines`` or within one, and what it checks."""

    kind: str
    patterns: tuple[re.Pattern[str], ...]
    lines: bool
    valid: Callable[[str], bool]


@cache
def _detector(name: str) -> Detector:
    module, _, cls = name.partition(".")
    found = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), cls)
    valid = getattr(found, "is_formally_valid", bool)
    return Detector(str(found.secret_type), tuple(found.denylist), name in _OVER_LINES, valid)


def _is_placeholder(one: Credential, text: str) -> bool:
    kind, _, value = one
    if kind == "Basic Auth Credentials":
        return _is_example_address(value, text)
    if kind == "Private Key":
        return _PLACEHOLDER.search(value) is not None or len(value) < 10  # noqa: PLR2004 - the library's own least
    bare = value.rpartition("_live_")[2] if "_live_" in value else value
    if len(set(bare.lower())) < 8 or _PLACEHOLDER.search(bare):  # noqa: PLR2004 - keys are random
        return True
    return kind == "JSON Web Token" and _is_example_token(value)


def _is_example_address(password: str, text: str) -> bool:
    """Whether the password of an address is a word that examples use, or the address is nobody's."""
    for user, found, host in _URL.findall(text):
        if password.startswith(found) or found.startswith(password):
            word = found.lower().strip("*")
            made_up = word in _WEAK or word == user.lower() or _PLACEHOLDER.search(found) or not word
            if not (made_up or _HERE.match(host.lower()) or set("{}$%[]()") & set(found + user)):
                return False
    return True


def _is_example_token(token: str) -> bool:
    """Whether a JSON web token is one of those that pages explain them with."""
    try:
        part = token.split(".")[1]
        payload = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
    except (IndexError, ValueError):
        return True
    return bool(re.search(r"1234567890|John Doe|example|test|user", payload, re.IGNORECASE))


def _is_random(value: str) -> bool:
    """Whether a text is none that people would write: digits and letters, of high entropy."""
    if not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)) or re.search(r"[a-z]{8,}|[._-]{2}", value):
        return False
    hexadecimal = re.fullmatch(r"[0-9a-fA-F]+", value) is not None
    return _entropy(value) >= (_HEX_ENTROPY if hexadecimal else _ENTROPY)


def _entropy(text: str) -> float:
    """Shannon's entropy of a text's characters, in bits each."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
