"""The errors that a user can meet.

    MagicoderError
    +- RecipeError        a recipe, a ``-o`` override or an option is wrong
    +- PluginError        a plugin fails to load, or two claim one name
    +- RunError           a run directory or a stage cannot go on
    +- ModelError         a model file is unknown, missing or has the wrong hash
    +- SandboxError       this machine cannot isolate untrusted code as asked
    +- TeacherError       one attempt to get an answer failed; carries its kind
    +- BudgetError        a limit of ``[generate]`` is reached; the run can go on later

Each message is one line that says what, where and what to do: the command line prints it and exits with 1.
Anything else that escapes is our own bug and keeps its traceback. Plugins raise plain Python errors or these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from magicoder_core.ratelimits import RateLimits

ErrorKind = Literal[
    "rate_limited",
    "overloaded",
    "transient",
    "timeout",
    "bad_request",
    "auth",
    "quota",
    "content_filter",
    "malformed",
]
"""Why one attempt failed; the kind alone decides what the core does next."""


class MagicoderError(Exception):
    """Base of every error that is the user's to mend; its text is one line."""


class RecipeError(MagicoderError):
    """A recipe, an override or a provider's option is wrong."""


class PluginError(MagicoderError):
    """A plugin does not load, or two plugins claim one name."""


class RunError(MagicoderError):
    """A run directory or a stage cannot go on."""


class ModelError(MagicoderError):
    """A model is unknown, cannot be fetched or does not have the expected sha256."""


class SandboxError(MagicoderError):
    """Untrusted code cannot be isolated here as strongly as was asked."""


class BudgetError(MagicoderError):
    """The next request could pass a limit of ``[generate]``; everything paid for is kept."""


@contextmanager
def attributed(kind: str, name: str) -> Iterator[None]:
    """The one boundary at which a plugin's work gets its name: its plain Python errors become one line.

    Raises:
        RunError: of the plugin's own error, which stays its cause. Errors of ours and of the system pass.
    """
    try:
        yield
    except (MagicoderError, OSError):
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunError(f"{kind} '{name}' failed: {text}; leave it out or mend it") from error


class TeacherError(MagicoderError):
    """One attempt to get an answer failed.

    Args:
        kind: the class of the failure; ``auth`` and ``quota`` stop the run, see ``asking``.
        message: one line for the user.
        retry_after: seconds that the provider asked us to wait, if it did.
        charged: whether the provider generated (and bills) an answer that never arrived whole.
        limits: what the provider said of its limits beside the failure.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        retry_after: float | None = None,
        charged: bool = False,
        limits: RateLimits | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.retry_after = retry_after
        self.charged = charged
        self.limits = limits

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all fields: an exception's own reduction keeps only ``args``."""
        return (_rebuild, (self.kind, str(self), self.retry_after, self.charged, self.limits))

    def named(self, who: str) -> TeacherError:
        """The same failure with ``who`` before its message."""
        return TeacherError(
            self.kind, f"{who}: {self}", retry_after=self.retry_after, charged=self.charged, limits=self.limits
        )


def _rebuild(
    kind: ErrorKind,
    message: str,
    retry_after: float | None,
    charged: bool,  # noqa: FBT001 - positional for pickle
    limits: RateLimits | None,
) -> TeacherError:
    return TeacherError(kind, message, retry_after=retry_after, charged=charged, limits=limits)
