"""A checkout of the official repository, read into the layout of the specification. Nothing of it is run.

Tasks and prompts stand in `seahelm_tasks/**/config.yaml`, suites and constants in YAML files beside them. Constants
that the official code keeps in Python are read as literals from its syntax tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lontar.core.config import Parsed, load_yaml, scalar
from lontar.core.shards import read_jsonl
from lontar.errors import ConfigError, DataError
from lontar.eval.sea_helm.loaders import LETTERS
from lontar.eval.sea_helm.pack import stands_for
from lontar.scoring.official.aggregate import BOOTSTRAP_SEED, BOOTSTRAPS, SEA_LANGUAGES

Doc = dict[str, Any]
TASKS = "seahelm_tasks"
SUITES, CONSTANTS, REASONING = "task_config.yaml", "constants.yaml", "reasoning_generation_config.yaml"
CHECKERS = f"{TASKS}/instruction_following/ifeval/instruction_checkers.py"
INSTRUCTIONS = f"{TASKS}/instruction_following/ifeval/if_eval.py"
RUNS = 8
# What the official code scores with -> how tasks.yaml calls it.
FAMILIES = {
    "AALCRJudgeMetric": "judge_correct",
    "BBHExactMatch": "exact_match",
    "BabyVisionJudgeMetric": "judge_truefalse",
    "CountdownMetric": "longproc_countdown",
    "CriteriaJudgeMetric": "judge_criteria",
    "CweMetric": "cwe",
    "F1AccMetric": "label_choice",
    "HealthbenchJudgeMetric": "judge_healthbench",
    "HtmlToTsvMetric": "longproc_html_to_tsv",
    "IFEvalMetric": "sea_ifeval",
    "LindseaJudgeMetric": "judge_lindsea",
    "LiveCodeBenchMetric": "pass_at_1",
    "LogProbMetric": "logprob",
    "MTBenchJudgeMetric": "judge_mtbench",
    "MathMetric": "math_verify",
    "MathVisionJudgeMetric": "judge_correct_boxed",
    "MinimalPairsLogProbMetric": "minimal_pairs_logprob",
    "MinimalPairsMetric": "minimal_pairs",
    "NIAHMetric": "niah",
    "PairwiseLLMJudgeMetric": "judge_pairwise",
    "PathTraversalMetric": "longproc_path_traversal",
    "PragmaticReasoningLogProbMetric": "pragmatics_logprob",
    "PragmaticReasoningMetric": "pragmatics",
    "QuestionAnsweringMetric": "qa_f1",
    "RefClipScoreMetric": "refclip",
    "SummarizationMetric": "rougeL",
    "SuperGPQAMetric": "label_choice+difficulty",
    "ToMTrackingMetric": "longproc_tom",
    "TranslationMetric": "translation",
    "TravelPlanningMetric": "longproc_travel",
}
# A class of the same name in another place is another one.
ELSEWHERE = {("english_evals/ifeval", "IFEvalMetric"): "ifeval_en"}
TEXTS = ("preamble", "task_template", "answer_template", "answer_tag")
# Fields of a config that name code or stand elsewhere in tasks.yaml.
DROPPED = frozenset(
    {"metadata", "name", "languages", "fewshot_num_examples", "judge", "competency", "metric", "aggregation_group"}
    | {f"{what}_{kind}" for what in ("dataloader", "metric", "judge") for kind in ("file", "class")}
)
LABELLED = ("label_choice", "minimal_pairs", "pragmatics")
_DEPTH = 20


@dataclass
class Converted:
    """What of the official files could not be read, in words."""

    notes: list[str] = field(default_factory=list)


@dataclass
class _Docs:
    """The files being made."""

    tasks: list[Any] = field(default_factory=list)
    templates: dict[str, list[Doc]] = field(default_factory=dict)
    judges: Doc = field(default_factory=dict)


def convert(folder: Path, dest: Path) -> Converted:
    """Read the checkout at `folder` and write tasks, templates, labels, suites, judges and constants to `dest`.

    Raises:
        DataError: a file is missing or damaged, or a task is not as the official code needs it.
    """
    done, docs = Converted(), _Docs()
    base = folder / TASKS
    configs = sorted(base.rglob("config.yaml"), key=lambda path: path.relative_to(base).as_posix())
    if not configs:
        raise DataError(f"{base}: no config.yaml in it", hint="is the checkout complete?")
    for path in configs:
        place = path.parent.relative_to(base).as_posix()
        for task, entry in _resolved(_read(path)).items():
            _add(docs, done, path, place, task, entry)
    found: dict[str, Any] = {
        "tasks": docs.tasks,
        "suites": _suites(base, done),
        "judges": docs.judges or {"none": {}},
        "labels": _labels(folder, docs.tasks, done),
        "ifeval": _ifeval(folder, done),
        **{f"templates/{name}": [*blocks] for name, blocks in docs.templates.items()},
    }
    for name, value in found.items():
        write_yaml(dest / f"{name}.yaml", value)
    return done


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Parsed:
    if not path.is_file():
        raise DataError(f"{path}: not there", hint="is the checkout complete?")
    try:
        doc = load_yaml(path)
    except ConfigError as err:
        raise DataError(err.message, hint="the checkout is damaged or of a version that is not known here") from err
    if not isinstance(doc.value, dict):
        raise DataError(f"{path}: expected a mapping")
    return doc


_REFERENCE = re.compile(r"\$\{([^${}]+)\}")


def _resolved(doc: Parsed) -> dict[str, Doc]:
    """Tasks of a config with every `${task.field}` replaced by what it names.

    Raises:
        DataError: a reference leads nowhere, or in a circle.
    """
    value: Any = doc.value
    found: dict[str, Doc] = {name: _fill(entry, doc, (name,), 0) for name, entry in value.items()}
    for name, entry in found.items():
        if not isinstance(entry, dict):
            raise DataError(f"{doc.where((name,))}: expected a mapping for the task {name!r}")
    return found


def _fill(value: Any, doc: Parsed, loc: tuple[str | int, ...], depth: int) -> Any:
    if depth > _DEPTH:
        raise DataError(f"{doc.where(loc)}: references that lead in a circle")
    if isinstance(value, dict):
        return {name: _fill(each, doc, (*loc, name), depth) for name, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, doc, (*loc, i), depth) for i, each in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    if match := _REFERENCE.fullmatch(value):
        return _fill(_at(doc, match[1], loc), doc, loc, depth + 1)
    return _REFERENCE.sub(lambda match: str(_fill(_at(doc, match[1], loc), doc, loc, depth + 1)), value)


def _at(doc: Parsed, path: str, loc: tuple[str | int, ...]) -> Any:
    value = doc.value
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            raise DataError(f"{doc.where(loc)}: ${{{path}}} leads nowhere")
        value = value[part]
    return value


# --- tasks and templates ---------------------------------------------------------------------------------------------


def _add(docs: _Docs, done: Converted, path: Path, place: str, task: str, entry: Doc) -> None:
    """Add a task, its prompts and its judge."""
    where = f"{path}: task {task!r}"
    family = _family(where, place, entry, done)
    languages = entry.get("languages")
    if not isinstance(languages, dict) or not languages:
        raise DataError(f"{where}: no languages")
    made: Doc = {"task": task, "competency": _text(where, entry, "competency")}
    if group := entry.get("aggregation_group"):
        made["aggregation_group"] = group
    made |= {"metric": _text(where, entry, "metric"), "metric_family": family, "languages": [*languages]}
    made |= _by_language(where, languages)
    if (shots := entry.get("fewshot_num_examples")) is not None:
        made["fewshot"] = shots
    metadata = entry.get("metadata")
    made["version"] = metadata.get("version", 1) if isinstance(metadata, dict) else 1
    made["template"] = _template(docs, where, place, task, languages)
    made |= {name: value for name, value in entry.items() if name not in DROPPED}
    if isinstance(judge := entry.get("judge"), dict):
        docs.judges[task] = judge
        made["judge"] = f"judges.yaml:{task}"
    docs.tasks.append(made)


def _family(where: str, place: str, entry: Doc, done: Converted) -> str:
    name = str(entry.get("metric_class") or "")
    family = ELSEWHERE.get((place, name)) or FAMILIES.get(name)
    if family is None:
        done.notes.append(f"{where}: scored by {name or 'nothing'}, which is not known here: it cannot be scored")
    return family or f"unknown:{name}"


def _text(where: str, entry: Doc, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str):
        raise DataError(f"{where}: no {name}")
    return value


def _by_language(where: str, languages: Doc) -> Doc:
    """What may differ between languages: one value where it does not, a mapping where it does."""
    found: Doc = {}
    for ours, theirs in (("dataset", "filepath"), ("examples", "example_filepath"), ("max_tokens", "max_tokens")):
        values = {lang: each.get(theirs) for lang, each in languages.items() if isinstance(each, dict)}
        known = {lang: value for lang, value in values.items() if value is not None}
        if not known:
            continue
        first = next(iter(known.values()))
        found[ours] = first if len(known) == len(languages) and all(v == first for v in known.values()) else known
    if "max_tokens" not in found:
        raise DataError(f"{where}: no max_tokens")
    return found


def _template(docs: _Docs, where: str, place: str, task: str, languages: Doc) -> str:
    """The prompts of a task as a block of its file; tasks with the same prompts share a block."""
    texts: Doc = {}
    for lang, entry in languages.items():
        given = entry.get("prompt_template") if isinstance(entry, dict) else None
        if not isinstance(given, dict):
            raise DataError(f"{where}: {lang}: no prompt_template")
        texts[lang] = {name: given.get(name) for name in TEXTS}
    file = place.replace("/", "__")
    blocks = docs.templates.setdefault(file, [])
    for i, block in enumerate(blocks):
        if block["languages"] == texts:
            block["tasks"] = [*block["tasks"], task]
            return f"{file}#{i}"
    blocks.append({"tasks": [task], "languages": texts})
    return f"{file}#{len(blocks) - 1}"


# --- suites, labels, constants ---------------------------------------------------------------------------------------


def _suites(base: Path, done: Converted) -> Doc:
    made: Doc = {"suites": _read(base / SUITES).value, "constants": _read(base / CONSTANTS).value}
    if (base / REASONING).is_file():
        made["reasoning"] = _read(base / REASONING).value
    else:
        done.notes.append(f"{base / REASONING}: not there, the budget of reasoning is left out")
    # The official repository keeps these in notebooks: they are what our aggregation takes.
    made |= {"sea_average_languages": [*SEA_LANGUAGES], "n_runs": RUNS, "n_bootstraps": BOOTSTRAPS}
    return {**made, "bootstrap_seed": BOOTSTRAP_SEED}


def _labels(folder: Path, tasks: Sequence[Doc], done: Converted) -> Doc:
    """Labels of the rows that stand in the checkout; those of the data sets are only known once they are there."""
    made: Doc = {}
    missing = []
    for task in tasks:
        name, family = str(task["task"]), str(task["metric_family"]).partition("+")[0]
        if family not in LABELLED:
            continue
        if found := {lang: _listed(labels, "data file in the repo") for lang, labels in _local_labels(folder, task)}:
            made[name] = found
        elif not any(stands_for(key, name) for key in LETTERS):
            missing.append(name)
    for key, (langs, letters) in LETTERS.items():
        made[key] = {lang: _listed([*letters], "our loader") for lang in langs}
    if missing:
        rest = f" and {len(missing) - 3} more tasks" if len(missing) > 3 else ""
        done.notes.append(f"labels.yaml: those of {', '.join(missing[:3])}{rest} are known once their rows are there")
    return made


def _listed(labels: Sequence[str], basis: str) -> Doc:
    return {"labels": [*labels], "n_options": len(labels), "basis": basis}


def _local_labels(folder: Path, task: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    named, languages = task.get("dataset"), task["languages"]
    for lang in map(str, languages):
        name = named.get(lang) if isinstance(named, dict) else named
        path = folder / name if isinstance(name, str) and name.endswith(".jsonl") else None
        if path is None or not path.is_file():
            continue
        key = "response_label" if "_response" in str(task["task"]) else "prompt_label"
        labels = {str(row.get("label", row.get(key, ""))) for _, row in read_jsonl(path)} - {""}
        if labels:
            yield lang, sorted(labels)


def _ifeval(folder: Path, done: Converted) -> Doc:
    """Constants of SEA-IFEval, read as literals from the syntax trees of two Python files."""
    checkers, instructions = _tree(folder / CHECKERS, done), _tree(folder / INSTRUCTIONS, done)
    options = _assigned(checkers, "CONSTRAINED_OPTIONS")
    relations = _assigned(checkers, "COMPARISON_RELATIONS")
    patterns = _assigned(checkers, "postscript_patterns")
    made: Doc = {}
    if isinstance(options, dict):
        made["constrained_options"] = {lang: sorted(texts) for lang, texts in options.items()}
    if isinstance(patterns, dict):
        made["postscript_markers"] = [*patterns]
    if isinstance(relations, set):
        made["relations"] = sorted(relations)
    if languages := _uncounted(checkers):
        made["no_word_count_languages"] = sorted(languages)
    if classes := _classes(instructions):
        made["instruction_ids"] = sorted(classes)
        arguments = {name: _arguments(checkers, cls) for name, cls in classes.items()}
        made["kwargs_by_instruction"] = {name: args for name, args in sorted(arguments.items()) if args}
    made |= _word_rules(checkers)
    expected = ("constrained_options", "postscript_markers", "relations", "no_word_count_languages", "instruction_ids")
    for name in (*expected, "word_boundary_languages", "substring_languages"):
        if name not in made:
            done.notes.append(f"ifeval.yaml: {name} could not be read from {CHECKERS}: left out, if-eval may not score")
    return made or {"unread": True}


def _tree(path: Path, done: Converted) -> ast.Module | None:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError) as err:
        done.notes.append(f"{path}: cannot be read: {err}")
        return None


def _walk(tree: ast.AST | None) -> Iterator[ast.AST]:
    return ast.walk(tree) if tree is not None else iter(())


def _literal(node: ast.AST) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None


def _assigned(tree: ast.AST | None, name: str) -> Any:
    """The literal that is assigned to a name or an attribute of that name; None where there is none."""
    for node in _walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                own = target.id if isinstance(target, ast.Name) else getattr(target, "attr", None)
                if own == name and (value := _literal(node.value)) is not None:
                    return value
    return None


def _classes(tree: ast.AST | None) -> dict[str, str]:
    """Instructions and the names of the classes that check them."""
    for node in _walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            keys = [_literal(key) for key in node.value.keys if key is not None]
            if (
                keys
                and all(isinstance(key, str) and ":" in key for key in keys)
                and len(keys) == len(node.value.values)
            ):
                pairs = zip(keys, node.value.values, strict=True)
                return {key: value.id for key, value in pairs if isinstance(value, ast.Name)}
    return {}


_COMMON_ARGUMENTS = frozenset({"self", "category", "language", "response"})


def _class(tree: ast.AST | None, name: str) -> ast.ClassDef | None:
    return next((node for node in _walk(tree) if isinstance(node, ast.ClassDef) and node.name == name), None)


def _arguments(tree: ast.AST | None, cls: str) -> list[Any]:
    for node in _walk(_class(tree, cls)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return sorted({arg.arg for arg in node.args.args} - _COMMON_ARGUMENTS)
    return []


def _uncounted(tree: ast.AST | None) -> set[str]:
    """Languages whose words are not counted: those that the counter of words asserts against."""
    for node in _walk(_class(tree, "NumberOfWordsChecker")):
        if isinstance(node, ast.Assert) and isinstance(found := _first_set(node), set):
            return found
    return set()


def _first_set(tree: ast.AST) -> Any:
    return next(
        (
            value
            for node in ast.walk(tree)
            if isinstance(node, ast.Set | ast.List | ast.Tuple) and _texts(value := _literal(node))
        ),
        None,
    )


def _texts(value: Any) -> bool:
    return bool(value) and isinstance(value, set | list | tuple) and all(isinstance(each, str) for each in value)


def _word_rules(tree: ast.AST | None) -> Doc:
    """Languages where keywords are words, and where they may stand anywhere: two sets in the checker of existence."""
    found: list[set[str]] = []
    for node in _walk(_class(tree, "WordExistenceChecker")):
        if isinstance(node, ast.Set | ast.List | ast.Tuple) and _texts(value := _literal(node)):
            found.append(set(value))
    with_words = next((each for each in found if "en" in each), None)
    without = next((each for each in found if "th" in each), None)
    made: Doc = {}
    if with_words:
        made["word_boundary_languages"] = sorted(with_words)
    if without:
        made["substring_languages"] = sorted(without)
    return made


def commit_of(folder: Path) -> str:
    """The commit that is checked out, from the files of `.git`; empty where they do not tell."""
    place = folder / ".git"
    try:
        if place.is_file():  # a work tree of its own names its folder
            place = (folder / place.read_text(encoding="utf-8").partition("gitdir:")[2].strip()).resolve()
        head = (place / "HEAD").read_text(encoding="utf-8").strip()
        name = head.partition("ref:")[2].strip()
        if not name:
            return head if re.fullmatch(r"[0-9a-f]{40}", head) else ""
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8").strip()
        packed = (place / "packed-refs").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.split()[0] for line in packed.splitlines() if line.endswith(f" {name}")), "")


# --- writing ---------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """YAML that our strict reader reads back to the same values."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = "\n" not in text and isinstance(read := scalar(text), str) and read == text
    style = "|" if "\n" in text else None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)


def write_yaml(path: Path, value: Any) -> None:
    """Write strict YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(text, encoding="utf-8")
