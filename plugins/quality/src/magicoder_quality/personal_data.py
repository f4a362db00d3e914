"""Filter ``personal-data``: no row with somebody's address or number.

What stands for nobody does not count: ``example.com`` and the like (RFC 2606), ``you@domain.com``, ``john.doe@...``; private,
loopback and documentation addresses (RFC 1918, 5737, 3849), versions; telephone numbers that are not assigned (555-0100).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from magicoder_core import Filter, Instruction, Judgement

Kind = Literal["email", "phone", "ip"]

_EMAIL = re.compile(
    r"(?<![\w.+/@-])([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,4}([A-Za-z]{2,10}))(?![\w@(.-]*[(\w@])"
)
_ENDING_WORDS = (
    "com org net edu gov mil int info biz io dev app ai co me tv name pro uk de fr it es nl be at ch se no dk fi pl cz sk hu ro "
    "bg gr pt ie ru ua by tr il ir in pk bd lk np cn jp kr tw hk sg my th vn id ph au nz za ng ke eg ma br ar cl mx pe ve ca us eu"
)
_ENDINGS = frozenset(_ENDING_WORDS.split())
_NOBODY = re.compile(
    r"(?:my|your|our|the|some|any)?[-_]?(?:example|test|sample|domain|email|mail|company|acme|foo|bar|baz|abc|xyz|website|site|server|"
    r"host|localhost|invalid|someone|somewhere|school|university|corp|org|business|organization|mydomain|random)[-\w]*",
    re.IGNORECASE,
)
_ANYBODY = re.compile(
    r"(?:you|your|name|user|username|users?\d*|test|testing|tester|foo|bar|baz|abc|xyz|me|info|admin|support|contact|hello|noreply|"
    r"no-reply|someone|somebody|email|mail|example|sample|sender|receiver|recipient|from|to|john|jane|doe|johndoe|janedoe|"
    r"john[._]?(?:smith)?|jane[._]?(?:smith)?|[a-z]+[._]?doe|alice|bob|charlie|git|a|b|c|x|y|z)\d*|(?:first|last|full|user|your|my)[._-]?name\w*(?:[._-]\w+)?|(?:your|my|test|user|demo|fake|dummy)[._+-]?\w*",
    re.IGNORECASE,
)
_IP = re.compile(r"(?<![\w.:/=-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-]*\d|\.\w|-\w)")
_KNOWN_IPS = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "4.4.4.4", "4.2.2.2", "208.67.222.222", "208.67.220.220"}
)
_IP6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{5,34}(?![\w:]|\.\d)")
"""Global unicast addresses (2000::/3, RFC 4291), of three groups at least: fewer are slices and times."""

_KNOWN_IP6S = frozenset(
    map(
        ipaddress.IPv6Address,
        ("2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001", "2620:fe::fe"),
    )
)
_GROUPS = 3
_VERSION = re.compile(r"(?:\b(?:version|ver|v|release)|[=<>~]=|\^)\W{0,3}$", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.+-])(?:\+\d[\d ().-]{8,18}\d|\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}[-.]\d{3}[-.]\d{4})(?![\w-])")
# What a text must have for the slower patterns to be tried: each begins with what Python looks for quickly.
_MAYBE_EMAIL = re.compile(r"@[A-Za-z0-9-]+\.[A-Za-z]")
_MAYBE_IP = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_MAYBE_IP6 = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{5}")
_MAYBE_PHONE = re.compile(r"\d{3}[ .-]\d{4}|\+\d")
_MANY, _SMALL = 4, 32
_MOST_FOUND = 20


class Found(NamedTuple):
    """What was found: its kind, and where it stands in the text."""

    kind: Kind
    start: int
    text: str


@dataclass(frozen=True, kw_only=True)
class PersonalData(Filter):
    """Drops a row with an email address, a telephone number or a public IP address in it."""

    by_row = True

    policy: Annotated[Literal["drop", "flag"], "what to do with such a row"] = "drop"
    kinds: Annotated[tuple[Kind, ...], "what to look for"] = ("email", "phone", "ip")

    def judge(self, batch: Sequence[Instruction]) -> Sequence[Judgement]:
        """Evidence is the first of them: its ``kind``, ``field``, ``offset``, its beginning, and how many there are."""
        return [self._judge(row) for row in batch]

    def _judge(self, row: Instruction) -> Judgement:
        from magicoder_quality.secret_keys import parts

        found = [(field, one) for field, text in parts(row) for one in personal(text, self.kinds)]
        if not found:
            return Judgement(keep=True)
        field, one = found[0]
        # The evidence is written to disk: it must not hold the address itself.
        shown = f"{one.text[:3]}... ({len(one.text)} characters)"
        evidence = {"kind": one.kind, "field": field, "offset": one.start, "text": shown, "found": len(found)}
        return Judgement(keep=self.policy == "flag", reason=f"has personal data: {one.kind}", evidence=evidence)


def personal(text: str, kinds: Sequence[Kind] = ("email", "phone", "ip")) -> list[Found]:
    """The personal data in a text, in its order."""
    found: list[Found] = []
    if "email" in kinds and _MAYBE_EMAIL.search(text):
        found += _emails(text)
    if "ip" in kinds and _MAYBE_IP.search(text):
        found += _addresses(text)
    if "ip" in kinds and _MAYBE_IP6.search(text):
        found += _long_addresses(text)
    if "phone" in kinds and _MAYBE_PHONE.search(text):
        found += _numbers(text)
    return sorted(found, key=lambda one: one.start)[:_MOST_FOUND]


def _emails(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        local, domain, ending = match.groups()
        nobody = _ANYBODY.fullmatch(local) or any(map(_NOBODY.fullmatch, domain.split(".")[:-1]))
        if ending.lower() in _ENDINGS and not nobody:
            yield Found("email", match.start(), match[0])


def _addresses(text: str) -> Iterator[Found]:
    for match in _IP.finditer(text):
        try:
            address = ipaddress.IPv4Address(match[0])
        except ValueError:
            continue
        octets = address.packed
        # Small numbers are a version, equal ones an example.
        made_up = max(octets) < _SMALL or len(set(octets)) == 1 or octets[-1] == 0
        made_up = made_up or match[0] in _KNOWN_IPS
        version = _VERSION.search(text, max(0, match.start() - 12), match.start())
        if address.is_global and not (address.is_multicast or made_up or version):
            yield Found("ip", match.start(), match[0])


def _long_addresses(text: str) -> Iterator[Found]:
    for match in _IP6.finditer(text):
        try:
            address = ipaddress.IPv6Address(match[0])
        except ValueError:
            continue
        if address.is_global and address not in _KNOWN_IP6S and len(list(filter(None, match[0].split(":")))) >= _GROUPS:
            yield Found("ip", match.start(), match[0])


def _numbers(text: str) -> Iterator[Found]:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if "555" in digits or len(set(digits)) < _MANY or "12345" in digits or "98765" in digits:
            continue
        import phonenumbers

        try:
            number = phonenumbers.parse(match[0], "US")
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            yield Found("phone", match.start(), match[0])
