"""lontar: take any open-weights LLM, make it provably better for Southeast Asia, and run it.

The names below are imported at their first use, so that `import lontar` costs nothing::

    from lontar import Artifact, Language, load_recipe, run

    loaded = load_recipe("nano")
    done = run(loaded, Path("runs/nano"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lontar.core.artifact import Artifact, Corpus, Evaluation, Model, Tokenizer
    from lontar.core.config import Config
    from lontar.core.executor import Resources
    from lontar.core.job import Job
    from lontar.core.manifest import Manifest
    from lontar.core.recipe import Recipe, load_recipe
    from lontar.core.records import Document
    from lontar.core.run import RunOptions, plan, run
    from lontar.core.stage import stage
    from lontar.errors import LontarError
    from lontar.languages import Language

_HOMES = {
    "lontar.core.artifact": ("Artifact", "Corpus", "Evaluation", "Model", "Tokenizer"),
    "lontar.core.config": ("Config",),
    "lontar.core.executor": ("Resources",),
    "lontar.core.job": ("Job",),
    "lontar.core.manifest": ("Manifest",),
    "lontar.core.recipe": ("Recipe", "load_recipe"),
    "lontar.core.records": ("Document",),
    "lontar.core.run": ("RunOptions", "plan", "run"),
    "lontar.core.stage": ("stage",),
    "lontar.errors": ("LontarError",),
    "lontar.languages": ("Language",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Artifact",
    "Config",
    "Corpus",
    "Document",
    "Evaluation",
    "Job",
    "Language",
    "LontarError",
    "Manifest",
    "Model",
    "Recipe",
    "Resources",
    "RunOptions",
    "Tokenizer",
    "load_recipe",
    "plan",
    "run",
    "stage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
