"""Questions that cards and files ask of a lineage."""

from __future__ import annotations

from collections.abc import Iterator

from lontar.core.artifact import Lineage
from lontar.core.manifest import Manifest


def manifests(lineage: Lineage) -> Iterator[Manifest]:
    """Every record in the family, the artifact's own first; those that are missing are passed over."""
    for node in lineage.walk():
        if node.manifest is not None:
            yield node.manifest


def trained_languages(lineage: Lineage) -> list[str]:
    """Languages of the corpora that went in, by their share of the text, then by code."""
    sizes: dict[str, float] = {}
    for manifest in manifests(lineage):
        if manifest.kind == "corpus":
            for name, value in manifest.metrics.items():
                if name.startswith("bytes.train."):
                    code = name.removeprefix("bytes.train.")
                    sizes[code] = max(sizes.get(code, 0.0), value)
    return sorted(sizes, key=lambda code: (-sizes[code], code))


def base_model(lineage: Lineage) -> str | None:
    """Hub name of the base, where an ancestor was adopted from the hub."""
    for manifest in manifests(lineage):
        source, repository = manifest.config.get("source"), manifest.config.get("repository")
        if isinstance(repository, str):
            return repository
        if isinstance(source, str) and source.startswith("hf:"):
            return source.removeprefix("hf:").partition("@")[0]
    return None
