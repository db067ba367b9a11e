"""Every registered stage: described, with documented settings, a version, and a command of its own."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

import lontar
from lontar.cli.main import run
from lontar.cli.stages import fields_of
from lontar.core.artifact import Artifact
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.manifest import canonical_json
from lontar.core.recipe import adopters
from lontar.core.registry import PACKAGE_ROOT
from lontar.core.stage import NoConfig, all_stages, library_version

STAGES = [s for s in all_stages() if Path(inspect.getfile(s.function)).is_relative_to(PACKAGE_ROOT)]
VERBS = {name for s in STAGES for name in [s.name]}


@pytest.fixture(params=STAGES, ids=lambda s: s.name)
def stage(request):
    return request.param


def test_the_stages_of_the_chain_are_there():
    chain = {"data.build", "train.pretrain", "tokenizer.extend", "tokenizer.resize", "train.cpt", "eval.run"}
    assert chain | {"export.safetensors"} <= VERBS


def test_something_takes_in_a_model_from_outside():
    assert "model" in adopters()


def test_it_is_named_by_family_and_verb_and_lives_there(stage):
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", stage.name)
    family = stage.name.partition(".")[0]
    assert re.fullmatch(rf"lontar\.{family}\.(\w+_)?stages", stage.function.__module__)


def test_it_is_described(stage):
    text = inspect.getdoc(stage.function)
    assert text
    assert stage.summary.endswith(".")
    assert 15 <= len(stage.summary) <= 160


def test_it_has_a_version_and_a_kind(stage):
    assert stage.version >= 1
    assert issubclass(stage.out, Artifact)
    assert stage.out.kind


def test_its_first_parameter_is_the_job_and_it_returns_nothing(stage):
    signature = inspect.signature(stage.function, eval_str=True)
    first = next(iter(signature.parameters.values()))
    assert first.annotation is Job
    assert signature.return_annotation is None
    for parameter in signature.parameters.values():
        if parameter.name == "config":
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


def test_its_inputs_are_described(stage):
    for spec in stage.inputs.values():
        assert spec.kinds
        assert all(issubclass(kind, Artifact) for kind in spec.kinds)
        assert spec.described


def documented(model, path=""):
    """Every field of a config and of the configs inside it."""
    for name, info in model.model_fields.items():
        yield f"{path}{name}", info
        for inner in inner_configs(info.annotation):
            yield from documented(inner, f"{path}{name}.")


def said_of(info):
    """Its own docstring, or that of the config it holds."""
    texts = [info.description, *(inner.__doc__ for inner in inner_configs(info.annotation))]
    return any((text or "").strip() for text in texts)


def inner_configs(annotation):
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [found for arg in getattr(annotation, "__args__", ()) for found in inner_configs(arg)]


def test_every_setting_is_documented(stage):
    bare = [name for name, info in documented(stage.config_type) if not said_of(info)]
    assert not bare, f"{stage.config_type.__name__}: no docstring under {bare}"


def test_settings_have_defaults_that_are_valid_and_hashable(stage):
    if stage.config_type is NoConfig:
        return
    assert issubclass(stage.config_type, Config)
    assert (stage.config_type.__doc__ or "").strip(), "the config says what it is"
    needed = [
        n for n, i in stage.config_type.model_fields.items() if i.default is PydanticUndefined and i.is_required()
    ]
    if not needed:
        try:
            found = stage.config_type()
        except ValidationError:  # some are valid only together with one that must be given
            return
        assert stage.config_type.model_validate(found.model_dump(mode="json")) == found
        canonical_json(found.model_dump(mode="json"))


def test_its_libraries_are_extras_of_ours(stage):
    text = Path(lontar.__file__).parents[2] / "pyproject.toml"
    if not text.is_file():
        pytest.skip("not a source tree")
    project = tomllib.loads(text.read_text(encoding="utf-8"))["project"]
    declared = " ".join(
        [*project["dependencies"], *(d for group in project["optional-dependencies"].values() for d in group)]
    )
    for name in stage.libraries:
        assert name in declared, f"{name} is in no extra"
        assert library_version(name) != "missing", f"{name} is the name of a distribution, not of a module"


def test_it_has_a_command_with_help(stage, capsys):
    family, _, verb = stage.name.partition(".")
    assert run([family, verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert stage.summary.split()[0] in text
    for spec in stage.inputs.values():
        assert f"--{spec.name.replace('_', '-')} PATH" in text
    for name, *_ in fields_of(stage.config_type):
        assert f"{name} = " in text


def test_a_misspelled_setting_is_found_before_anything_runs(stage, capsys, tmp_path):
    family, _, verb = stage.name.partition(".")
    inputs = [f"--{s.name.replace('_', '-')}={tmp_path}" for s in stage.inputs.values() if s.required]
    assert run([family, verb, *inputs, "--out", str(tmp_path / "out"), "zzz_not_a_setting=1"]) == 2
    assert "zzz_not_a_setting" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_input_folder_is_named(stage, capsys, tmp_path):
    family, _, verb = stage.name.partition(".")
    required = [s for s in stage.inputs.values() if s.required]
    needed = [n for n, i in stage.config_type.model_fields.items() if i.is_required()]
    if not required or needed:
        return
    inputs = [f"--{s.name.replace('_', '-')}={tmp_path / 'none'}" for s in required]
    assert run([family, verb, *inputs, "--out", str(tmp_path / "out")]) in (2, 4)
    assert not (tmp_path / "out").exists()
