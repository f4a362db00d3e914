"""Providers that need nothing heavy; they come in through the same door as third-party ones."""

from __future__ import annotations

from collections.abc import Mapping

from magicoder_core.hookspecs import hookimpl
