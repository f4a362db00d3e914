"""The public name of a remote."""

from __future__ import annotations

import pytest

from magicoder_core.builtin.checkouts import public_url


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://example.org/team/project.git", "https://example.org/team/project"),
        ("https://user:token@example.org/team/project", "https://example.org/team/project"),
        ("https://token@example.org:8443/team/project.git/?x=token#y", "https://example.org/team/project"),
        ("ssh://git@example.org:22/team/project.git", "https://example.org/team/project"),
        ("git@example.org:team/project.git", "https://example.org/team/project"),
        ("git://example.org/project.git", "https://example.org/project"),
        ("/home/somebody/project", None),
        ("file:///home/somebody/project", None),
        ("../project", None),
        ("C:\\Users\\somebody", None),
        ("", None),
        ("https://[broken", None),
    ],
)
def test_public_url(url, public):
    assert public_url(url) == public
