"""The exception tree; every error says what happened, where, and what to do next.

::

    LontarError(message, *, hint)     exit 1  unexpected or unclassified
    ├── ConfigError                        2  a recipe, a config or a command line is wrong
    │   └── UnknownNameError                  a name that no registry knows
    ├── MissingExtraError                  3  an optional library is not installed
    ├── ArtifactError                      4  an artifact on disk is not what it should be
    │   ├── NotAnArtifactError                no manifest there
    │   ├── KindError                         a corpus where a model was expected
    │   ├── IntegrityError                    bytes differ from their recorded hash
    │   ├── DriftError                        finished before, with other settings
    │   ├── IncompleteError                   some items of a parent failed
    │   └── LockedError                       another run is writing there
    ├── DataError                          5  file, line, field
    ├── LicenseError                       6  terms missing or in conflict
    ├── BackendError                       7  a model could not be run
    │   ├── CapabilityError                   it cannot do what was asked
    │   └── UnavailableError                  it may work later; callers that can, retry
    └── GateError                          8  a comparison did not reach its bar

Interruption (Ctrl-C) is `KeyboardInterrupt`, exit code 130. `cli/main.py` is the one place that catches these.
"""

from __future__ import annotations

from typing import ClassVar

INTERRUPTED = 130


class LontarError(Exception):
    """Base of every error that lontar raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process pools; the default would lose the keyword-only hint.
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(cls: type[LontarError], message: str, hint: str | None) -> LontarError:
    return cls(message, hint=hint)


class ConfigError(LontarError):
    """A recipe, a config or a command line is wrong."""

    exit_code = 2


class UnknownNameError(ConfigError):
    """A name that no registry knows; the hint holds the nearest ones."""


class MissingExtraError(LontarError):
    """An optional library is not installed."""

    exit_code = 3


class ArtifactError(LontarError):
    """An artifact on disk is not what it should be."""

    exit_code = 4


class NotAnArtifactError(ArtifactError):
    """A folder without a manifest where an artifact was expected."""


class KindError(ArtifactError):
    """An artifact of another kind than the one asked for."""


class IntegrityError(ArtifactError):
    """Bytes on disk differ from the recorded hash."""


class DriftError(ArtifactError):
    """A finished artifact was made with other settings than the ones asked for now."""


class IncompleteError(ArtifactError):
    """Some items of an artifact failed and its children were not told to accept that."""


class LockedError(ArtifactError):
    """Another run is writing to the same place."""


class DataError(LontarError):
    """Input data is wrong; the message names file, line and field."""

    exit_code = 5


class LicenseError(LontarError):
    """License terms are missing, unknown or in conflict."""

    exit_code = 6


class BackendError(LontarError):
    """A model could not be run."""

    exit_code = 7


class CapabilityError(BackendError):
    """A backend lacks the protocol that was asked of it."""


class UnavailableError(BackendError):
    """A backend did not answer; trying again later may help. `retry_after_s` is what the server asked for."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_unavailable, (self.message, self.hint, self.retry_after_s))


def _rebuild_unavailable(message: str, hint: str | None, retry_after_s: float | None) -> UnavailableError:
    return UnavailableError(message, hint=hint, retry_after_s=retry_after_s)


class GateError(LontarError):
    """A comparison did not reach its bar."""

    exit_code = 8
