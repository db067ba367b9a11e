"""A model card from the lineage: what the model was made of, under which terms, with which figures.

Written from manifests alone, so it says nothing that is not recorded. The front matter is what the Hugging Face hub
reads; a text that is not one known license there is `other`, with the full terms below.
"""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from lontar import languages
from lontar.core.artifact import Lineage
from lontar.core.config import JsonObject
from lontar.core.license import License, conflicts
from lontar.core.manifest import Manifest
from lontar.errors import UnknownNameError

# Licenses that the hub knows by these names (a subset: what else there is goes in as `other`).
_HUB = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "mpl-2.0", "isc", "unlicense", "gemma", "odbl"}
    | {f"cc-by{flag}-{version}" for flag in ("", "-sa", "-nc", "-nc-sa", "-nd", "-nc-nd") for version in ("3.0", "4.0")}
    | {"llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gpl-3.0", "agpl-3.0", "cc-by-2.0"}
)


def trained_languages(lineage: Lineage) -> list[str]:
    """Languages of the corpora that went in, by their share of the text, then by code."""
    sizes: dict[str, float] = {}
    for node in lineage.walk():
        if node.manifest is not None and node.manifest.kind == "corpus":
            for name, value in node.manifest.metrics.items():
                if name.startswith("bytes.train."):
                    code = name.removeprefix("bytes.train.")
                    sizes[code] = max(sizes.get(code, 0.0), value)
    return sorted(sizes, key=lambda code: (-sizes[code], code))


def front_matter(license_: License, codes: Iterable[str], base: str | None) -> JsonObject:
    """What the hub reads at the top of the card."""
    spdx = license_.spdx.lower()
    terms: JsonObject = {"license": spdx} if spdx in _HUB else {"license": "other", "license_name": "see-below"}
    made: JsonObject = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["lontar"]}
    found = list(codes)
    return {
        **terms,
        **({"language": list(found)} if found else {}),
        **({"base_model": base} if base else {}),
        **made,
    }


def base_model(lineage: Lineage) -> str | None:
    """Hub name of the base, where an ancestor was adopted from the hub."""
    for node in lineage.walk():
        source = node.manifest.config.get("source") if node.manifest is not None else None
        if isinstance(source, str) and source.startswith("hf:"):
            return source.removeprefix("hf:").partition("@")[0]
    return None


def card(name: str, lineage: Lineage) -> str:
    """The whole card as Markdown."""
    manifest = lineage.manifest
    if manifest is None:
        raise ValueError("a card needs the manifest of its model")
    codes = trained_languages(lineage)
    head = yaml.safe_dump(
        front_matter(manifest.license, codes, base_model(lineage)), allow_unicode=True, sort_keys=False
    )
    parts = [
        f"# {name}",
        _languages(codes),
        "## Use\n\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("PATH")\nmodel = AutoModelForCausalLM.from_pretrained("PATH")\n```',
        "## How it was made\n\n" + "\n".join(_tree(lineage)),
        _metrics(manifest),
        _terms(manifest.license),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _languages(codes: Iterable[str]) -> str:
    return ", ".join(_named(code) for code in codes)


def _named(code: str) -> str:
    try:
        language = languages.get(code)
    except UnknownNameError:
        return code
    return language.name if language.name == language.endonym else f"{language.name} ({language.endonym})"


def _tree(node: Lineage, depth: int = 0) -> list[str]:
    manifest = node.manifest
    label = f"`{manifest.stage}` {manifest.digest[:12]}" if manifest else "(its record is missing)"
    line = "  " * depth + f"- {node.name + ': ' if node.name else ''}{label}"
    return [line, *(text for parent in node.parents for text in _tree(parent, depth + 1))]


def _metrics(manifest: Manifest) -> str:
    if not manifest.metrics:
        return ""
    rows = "\n".join(f"| {name} | {value:.6g} |" for name, value in sorted(manifest.metrics.items()))
    return f"## Figures\n\n| | |\n|---|---|\n{rows}"


def _terms(license_: License) -> str:
    duties = ", ".join(license_.obligations) or "none"
    sources = "\n".join(
        f"| {s.source} | {s.spdx} | {s.documents or ''} |"
        for s in sorted(license_.sources, key=lambda s: (s.spdx, s.source))
    )
    text = f"## License\n\n{license_.spdx}. Obligations: {duties}."
    if found := conflicts(license_):
        text += "\n\nTo be settled before this model is passed on:\n\n" + "\n".join(f"- {line}" for line in found)
    return text + (f"\n\n| source | license | documents |\n|---|---|---|\n{sources}" if sources else "")
