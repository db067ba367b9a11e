"""Results in the official layout, of a model that never was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def publish(folder: Path, rows: list[dict[str, Any]], *, name: str = "Lain_pasar_id.jsonl", run: int = 0) -> Path:
    """Write the inferences of a run; returns the file."""
    path = folder / "Lain" / f"run_{run}" / "inferences" / "id" / "pasar" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def published_row(**more: Any) -> dict[str, Any]:
    """An official row with an answer and its score."""
    chat = [{"role": "user", "content": "Apa kabar?"}]
    row = {"id": "x", "label": "baik", "prompts": [{"text": "Apa kabar?"}], "conversations": chat}
    return {**row, "responses": ["baik"], "individual_scores": {"normalized_accuracy": 1}, **more}
