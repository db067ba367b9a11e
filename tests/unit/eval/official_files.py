"""A small benchmark of our own in the two forms that an import reads: a specification, a checkout, and rows for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def write_lines(path: Path, rows: Rows) -> Path:
    """Rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _yaml(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML; a dump of PyYAML would have anchors.
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _task(
    name: str, family: str, template: str, languages: Sequence[str] = ("id", "th"), **more: Any
) -> dict[str, Any]:
    own = {"task": name, "competency": "nlu", "metric": "normalized_accuracy", "metric_family": family}
    return {**own, "languages": [*languages], "max_tokens": 16, "template": template, **more}


TEXTS = {
    "preamble": "Weather?",
    "task_template": "{text}",
    "answer_template": "{answer_tag} {label}",
    "answer_tag": "So:",
}
FEELING = ["dull", "fine"]


def specification(folder: Path) -> Path:
    """Six tasks in two languages."""
    hub, shown = "aisingapore/Own-Feeling", {"fewshot": {"instruct": 0, "base": 2}}
    tasks = [
        _task("feeling", "label_choice", "nlu__feeling#0", dataset=hub, examples=hub, **shown),
        _task("feeling-logprobs", "logprob", "nlu__feeling#0", dataset=hub, use_logprobs=True, aggregation_group="lp"),
        _task("translation-en-xx", "translation", "nlu__feeling#0", dataset="aisingapore/Own-Translation"),
        _task("translation-xx-en", "translation", "nlu__feeling#0", dataset="aisingapore/Own-Translation"),
        _task(
            "thai_exam_ic", "label_choice", "nlu__feeling#0", ["th"], dataset="own/thai_exam", aggregation_group="exam"
        ),
        _task("mt-bench", "judge_pairwise", "nlu__feeling#0", ["th"], dataset="aisingapore/Own-Turns"),
        _task("mt-bench-judge", "judge_mtbench", "nlu__feeling#0", ["th"], dataset="aisingapore/Own-Judged"),
        _task("stacks", "niah", "nlu__feeling#0", ["th"]),
    ]
    _yaml(folder / "tasks.yaml", tasks)
    text = (folder / "tasks.yaml").read_text(encoding="utf-8")
    (folder / "tasks.yaml").write_text(f"# a benchmark of our own @ 0123abc, MIT\n{text}", encoding="utf-8")
    listed = {lang: {"labels": FEELING, "n_options": 2} for lang in ("id", "th")}
    exam = {"th": {"labels": ["A", "B", "C", "D", "E"], "n_options": 5}}
    _yaml(folder / "labels.yaml", {"feeling": listed, "thai_exam_<exam>": exam})
    suites = {"own": {"id": ["feeling"], "th": ["feeling", "exam", "nothing"]}, "whole": {"id": "all"}}
    _yaml(folder / "suites.yaml", {"suites": suites, "constants": {}})
    _yaml(folder / "judges.yaml", {"mt-bench-judge": {"judge_model_name": "own"}})
    _yaml(folder / "ifeval.yaml", {"relations": ["exactly"]})
    block = {"tasks": [task["task"] for task in tasks], "languages": {"id": TEXTS, "th": TEXTS}}
    _yaml(folder / "templates" / "nlu__feeling.yaml", [block])
    return folder


def feeling(lang: str, n: int = 4) -> list[dict[str, Any]]:
    """Rows of the task `feeling`."""
    return [
        {
            "id": i,
            "label": FEELING[i % 2],
            "prompts": [{"text": f"Day {i} of rain."}],
            "metadata": {"language": lang},
        }
        for i in range(n)
    ]


def data_folder(folder: Path) -> Path:
    """Rows for some of the tasks."""
    write_lines(folder / "feeling" / "id.jsonl", feeling("id"))
    write_lines(folder / "examples" / "feeling" / "id.jsonl", feeling("id", 2))
    pair = {"id": "a", "label": "Hujan turun.", "prompts": [{"text": "Rain falls."}], "metadata": {"language": "id"}}
    write_lines(folder / "translation-en-xx" / "id.jsonl", [pair])
    write_lines(folder / "noncommercial" / "feeling" / "th.jsonl", feeling("th", 2))
    header = "| file | data set | licence |\n|---|---|---|\n"
    rows = "| feeling/id.jsonl | ours | CC0 |\n| translation-en-xx/id.jsonl | ours | CC BY 4.0 |\n"
    (folder / "SOURCES.md").write_text(f"# Sources\n\n{header}{rows}", encoding="utf-8")
    return folder


# --- a checkout ------------------------------------------------------------------------------------------------------

CHECKERS = """
import nothing_that_is_installed
raise SystemExit("this file must not be run")
COMPARISON_RELATIONS = {"exactly", "at least"}
CONSTRAINED_OPTIONS = {"id": {"Ya.", "Tidak."}}
class NumberOfWordsChecker:
    def __init__(self, category, language, response, relation, num_words):
        assert language not in {"th"}, "no"
class PostscriptChecker:
    def __init__(self, category, language, response, postscript_marker):
        self.postscript_patterns = {"P.S.": "p"}
class WordExistenceChecker:
    def __init__(self, category, language, response, keywords):
        if language in {"en", "id"}:
            pass
        elif language in {"th"}:
            pass
"""
INSTRUCTIONS = """
CATEGORY_MAP = {
    "length_constraints:number_words": NumberOfWordsChecker,
    "detectable_content:postscript": PostscriptChecker,
    "keywords:existence": WordExistenceChecker,
}
"""


def checkout(folder: Path) -> Path:
    """The layout of the official repository, with one task of its own file and one of the hub."""
    base = folder / "seahelm_tasks"
    local = "seahelm_tasks/nlu/feeling/data/id.jsonl"
    language = {"filepath": local, "max_tokens": 16, "prompt_template": TEXTS}
    first = {
        "metadata": {"version": 1.1, "changes": {"v1.1": "new"}},
        "name": "feeling",
        "competency": "nlu",
        "metric_file": "src/metrics/f1_acc_metric.py",
        "metric_class": "F1AccMetric",
        "metric": "normalized_accuracy",
        "fewshot_num_examples": {"instruct": 0, "base": None},
        "languages": {"id": language, "th": {**language, "filepath": "own/set", "max_tokens": 32}},
    }
    second = {
        **{name: f"${{feeling.{name}}}" for name in ("metadata", "competency", "languages")},
        "metric_class": "LogProbMetric",
        "metric": "average_cumulative_probabilities",
        "use_logprobs": True,
        "judge": {"judge_model_name": "own", "judge_prompts": "{source}"},
        "note": "of ${feeling.name} on",
    }
    _yaml(base / "nlu" / "feeling" / "config.yaml", {"feeling": first, "feeling-logprobs": second})
    _yaml(base / "task_config.yaml", {"own": {"id": ["feeling"]}})
    _yaml(base / "constants.yaml", {"few_shot_stop_tokens": ["\n\n"]})
    write_lines(folder / local, feeling("id"))
    code = base / "instruction_following" / "ifeval"
    code.mkdir(parents=True)
    (code / "instruction_checkers.py").write_text(CHECKERS, encoding="utf-8")
    (code / "if_eval.py").write_text(INSTRUCTIONS, encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("a" * 40 + "\n", encoding="utf-8")
    return folder
