"""A model card from the lineage: what the model was made of, under which terms, with which figures.

Written from manifests and tables that stages wrote, so it says nothing that is not recorded. `card` is the short one
that goes with exported weights; `full_card` is that of `export.card`.
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
from lontar.export import card_tables as tables
from lontar.export.card_head import front_matter, model_index
from lontar.export.card_inputs import Facts
from lontar.export.card_limits import limits
from lontar.export.lineage import base_model, trained_languages

_PYTHON = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH")
model = AutoModelForCausalLM.from_pretrained("PATH")
```"""


def card(name: str, lineage: Lineage) -> str:
    """The short card as Markdown: languages, use, lineage, figures, terms."""
    manifest = lineage.manifest
    if manifest is None:
        raise ValueError("a card needs the manifest of its model")
    codes = trained_languages(lineage)
    parts = [
        f"# {name}",
        _languages(codes),
        f"## Use\n\n{_PYTHON}",
        "## How it was made\n\n" + "\n".join(_tree(lineage)),
        _metrics(manifest),
        _terms(manifest.license),
    ]
    return _joined(front_matter(manifest.license, codes, base_model(lineage)), parts)


def full_card(name: str, facts: Facts) -> str:
    """The whole card as Markdown: data, tokenizer, scores, cost and limits too."""
    lineage, terms = facts.lineage, facts.manifest.license
    codes = trained_languages(lineage)
    head = front_matter(terms, codes, base_model(lineage), facts.format, model_index(name, facts.scores))
    parts = [
        f"# {name}",
        _languages(codes),
        f"## Use\n\n{_use(facts)}",
        limits(facts),
        tables.scores(facts),
        tables.tokens(facts),
        tables.data(facts),
        _terms(terms),
        "## How it was made\n\n" + "\n".join(_tree(lineage)),
        tables.cost(facts),
    ]
    return _joined(head, parts)


def _use(facts: Facts) -> str:
    files = [name for name in facts.files if name.endswith(".gguf")]
    if facts.format != "gguf" or not files:
        return _PYTHON
    return "```sh\n" + "\n".join(f"llama-server -m PATH/{name}" for name in files) + "\n```"


def _joined(head: JsonObject, parts: Iterable[str]) -> str:
    front = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


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
