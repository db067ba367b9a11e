"""Recipes: everything that is wrong is found before anything runs, and reported together."""

import textwrap

import pytest

from lontar.core import recipe as recipes
from lontar.core.artifact import Report
from lontar.core.config import load_yaml
from lontar.core.recipe import adopt_config, builtin_recipes, check, find_recipe, load_recipe
from lontar.core.stage import find_stage, stage
from lontar.errors import ConfigError

pytestmark = pytest.mark.usefixtures("toys")

GOOD = """
name: toy
seed: 3
steps:
  parts:
    stage: toy.parts
    config: {n: 2}
  more:
    stage: toy.parts
    config: {text: more}
    seed: 9
  joined:
    stage: toy.join
    inputs: {first: parts, rest: [more, parts]}
    gate: {size: {at_least: 1}}
"""


@pytest.fixture(autouse=True)
def _gate(monkeypatch):
    def size(artifact, /, *, at_least: int = 0) -> list[str]:
        """Enough files."""
        n = len(artifact.manifest.files)
        return [] if n >= at_least else [f"{n} files, {at_least} asked for"]

    recipes.gates.load()
    monkeypatch.setattr(recipes.gates, "_entries", dict(recipes.gates._entries))
    recipes.gates.add("size", size)


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="toy.yaml"):
        (tmp_path / name).write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return str(tmp_path / name)

    return to_file


def problems(text, write, **options):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_recipe(path, **options)
    return caught.value.message.replace(path, "FILE")


def test_a_good_recipe(write):
    loaded = load_recipe(write(GOOD))
    assert loaded.order == ("parts", "more", "joined")
    assert loaded.configs["parts"].n == 2
    assert loaded.configs["joined"].sep == " "
    assert loaded.stages["joined"].name == "toy.join"
    assert loaded.externals == {}


def test_steps_may_stand_in_any_order(write):
    text = """
    name: toy
    steps:
      last: {stage: toy.join, inputs: {first: b, rest: [a]}}
      b: {stage: toy.parts}
      a: {stage: toy.parts}
    """
    assert load_recipe(write(text)).order == ("b", "a", "last")


def test_all_mistakes_come_together_with_lines_and_hints(write):
    text = """
    name: toy
    steps:
      parts:
        stage: toy.prats
      more:
        stage: toy.parts
        confg: {n: 2}
        config: {tekst: x, n: many}
      joined:
        stage: toy.join
        inputs: {frist: parts, rest: [mroe], model: more}
        gate: {sise: 1}
      again:
        stage: toy.all
        inptus: {items: [more]}
        gate: {size: {at_leats: 1}}
    """
    found = problems(text, write)
    expected = [
        "FILE:7: steps.more.confg: unknown field (did you mean config?)",
        "FILE:15: steps.again.inptus: unknown field (did you mean inputs?)",
        "FILE:4: parts.stage: unknown stage 'toy.prats' (did you mean toy.parts",
        "FILE:11: joined.inputs.frist: toy.join has no input 'frist' (did you mean first or rest?)",
        "FILE:11: joined.inputs.rest: no step called 'mroe' (did you mean more?)",
        "FILE:11: joined.inputs.model: takes model, optional, but 'more' is a records",
        "FILE:9: joined.inputs.first: required by toy.join (records or corpus), but not given",
        "FILE:12: joined.gate.sise: unknown gate 'sise' (did you mean size?)",
        "FILE:8: more.config.tekst: unknown field (did you mean text?)",
        "FILE:8: more.config.n: Input should be a valid integer",
        "FILE:16: again.gate.size: ",
    ]
    for line in expected:
        assert line in found, f"{line}\nnot in\n{found}"
    assert found.startswith(f"{len(expected)} problems:")


def test_a_misspelled_key_that_is_required_is_read_as_meant(write):
    found = problems("nmae: toy\nsteps:\n  a: {stge: toy.parts, config: {m: 1}}\n", write)
    assert "FILE:1: nmae: unknown field (did you mean name?)" in found
    assert "FILE:3: steps.a.stge: unknown field (did you mean stage?)" in found
    assert "FILE:3: a.config.m: unknown field" in found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "a recipe is a mapping"),
        ("", "a recipe is a mapping"),
        ("name: x\n", "steps: required, but not given"),
        ("name: x\nsteps: 5\n", "FILE:2: steps"),
        ("name: x\nsteps:\n  a: {stage: toy.parts, inputs: 5}\n", "FILE:3: steps.a.inputs"),
        ("name: x\nsteps:\n  a: {config: {}}\n", "steps.a.stage: required, but not given"),
        ("name: x\nseed: one\nsteps: {}\n", "FILE:2: seed"),
        ("name: x\nresources: {worker: 2}\nsteps: {}\n", "FILE:2: resources.worker: unknown field"),
        ("name: x\nsteps:\n  a: {stage: toy.join, inputs: {first: a}}\n", "steps wait for each other: a → a"),
        (
            "name: x\nsteps:\n  a: {stage: toy.join, inputs: {first: b}}\n  b: {stage: toy.join, inputs: {first: a}}\n",
            "steps wait for each other: ",
        ),
        ("name: x\nsteps:\n  ../a: {stage: toy.parts}\n", "a step's name is made of letters"),
        ("name: x\nsteps:\n  a.b: {stage: toy.parts}\n", "a step's name is made of letters"),
        (
            "name: x\nsteps:\n  a: {stage: toy.parts}\n  b: {stage: toy.all, inputs: {items: []}}\n",
            "b.inputs.items: required",
        ),
        (
            "name: x\nsteps:\n  a: {stage: toy.parts}\n  b: {stage: toy.join, inputs: {first: [a, a]}}\n",
            "b.inputs.first: takes one records or corpus, not a list",
        ),
        ("name: x\nsteps:\n  a: {stage: toy.nothing, inputs: {x: a}}\n", "it takes no inputs"),
    ],
)
def test_single_mistakes(write, text, words):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    assert words in str(caught.value).replace(path, "FILE")


def test_a_validator_that_asks_a_registry_has_its_place(write, monkeypatch):
    def refuse(value):
        raise ConfigError("unknown filter 'x'", hint="did you mean y?")

    monkeypatch.setattr("tests.unit.core.toys.PartsConfig.model_validate", refuse)
    assert "FILE:4: a.config: unknown filter 'x'" in problems(
        "name: x\nsteps:\n  a:\n    config: {n: 1}\n    stage: toy.parts\n", write
    )


# --- overrides -------------------------------------------------------------------------------------------------------


def test_set_and_resources(write):
    loaded = load_recipe(
        write(GOOD),
        sets=["parts.config.n=7", "steps.more.config.text=no", "seed=11", "joined.inputs.rest.0=parts", "more.seed=1"],
        resources=["workers=2", "device=cpu"],
    )
    assert loaded.configs["parts"].n == 7
    assert loaded.configs["more"].text == "no"
    assert loaded.recipe.seed == 11
    assert loaded.recipe.steps["joined"].inputs["rest"] == ("parts", "parts")
    assert loaded.recipe.steps["more"].seed == 1
    assert (loaded.recipe.resources.workers, loaded.recipe.resources.device) == (2, "cpu")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sets": ["prats.config.n=1"]}, "no step or setting called 'prats'"),
        ({"sets": ["parts.config.m=1"]}, "--set parts.config.m=1: parts.config.m: unknown field"),
        ({"sets": ["parts.config={m: 1}"]}, "--set parts.config={m: 1}: parts.config.m: unknown field"),
        ({"sets": ["parts.confg.n=1"]}, "steps.parts.confg: unknown field"),
        (
            {"sets": ["joined.inputs.first=mroe"]},
            "--set joined.inputs.first=mroe: joined.inputs.first: no step called 'mroe'",
        ),
        ({"sets": ["parts"]}, "expected key=value"),
        ({"sets": ["joined.inputs.rest.5=parts"]}, "expected an index below 2"),
        ({"resources": ["wrokers=2"]}, "--resources wrokers=2: resources.wrokers: unknown field"),
        ({"inputs": ["base"]}, "--input base: expected name=value"),
        ({"inputs": ["bsae=x"]}, "--input bsae: no input or step of that name"),
        ({"licenses": ["base=MIT"]}, "--license base: no input or step of that name"),
        ({"licenses": ["parts=MIT"]}, "--license parts: nothing is taken in under that name"),
    ],
)
def test_wrong_overrides(write, options, words):
    assert words in problems(GOOD, write, **options)


# --- inputs from outside ---------------------------------------------------------------------------------------------

WITH_INPUT = """
name: toy
inputs:
  base: null
steps:
  joined: {stage: toy.join, inputs: {first: base}, config: {spe: x}}
"""


@pytest.fixture
def adopter(monkeypatch):
    from lontar.core import stage as stages
    from lontar.core.artifact import Records
    from lontar.core.config import Config

    stages.all_stages()  # a family imported while the copy stands would be lost with it
    monkeypatch.setattr(stages, "_STAGES", dict(stages._STAGES))

    class AdoptConfig(Config):
        path: str = ""
        repository: str = ""
        revision: str = ""
        license: str = ""

    @stage("toys.adopt", out=Records, version=1)
    def adopt(job, *, config: AdoptConfig) -> None:
        """Take in a file."""
        (job.dir / "taken.txt").write_text(config.path)

    return adopt


def test_an_input_that_nobody_gave_comes_with_all_other_mistakes(write):
    found = problems(WITH_INPUT, write)
    assert "FILE:3: input 'base' is not set (give it: --input base=PATH or --input base=hf:ORG/NAME@REVISION)" in found
    assert "joined.config.spe: unknown field (did you mean sep?)" in found
    assert "no step called" not in found
    assert found.startswith("2 problems")


def test_an_artifact_is_used_in_place(write, corpus):
    text = WITH_INPUT.replace("spe", "sep")
    loaded = load_recipe(write(text), inputs=[f"base={corpus.path}"])
    assert loaded.externals == {"base": corpus.path}
    assert list(loaded.recipe.steps) == ["joined"]
    again = load_recipe(write(GOOD.replace("[more, parts]", "more")), inputs=[f"parts={corpus.path}"])
    assert again.order == ("more", "joined"), "it stands in place of a step"


def test_an_artifact_of_a_wrong_kind_is_a_mistake(write, make_artifact, tmp_path):
    model = make_artifact(tmp_path / "m", "model", {"a": b""})
    found = problems(GOOD, write, inputs=[f"parts={model.path}"])
    assert "joined.inputs.first: takes records or corpus, but 'parts' is a model" in found


def test_anything_else_is_adopted_by_a_step_of_its_own(write, tmp_path, adopter):
    text = WITH_INPUT.replace("spe", "sep")
    loaded = load_recipe(write(text), inputs=[f"base={tmp_path / 'mine.txt'}"], licenses=["base=MIT"])
    assert loaded.order == ("base", "joined")
    step = loaded.recipe.steps["base"]
    assert step.stage == "toys.adopt"
    assert step.config == {"path": str(tmp_path / "mine.txt"), "license": "MIT"}
    hub = load_recipe(write(text.replace("null", "hf:org/name@abc")))
    assert hub.recipe.steps["base"].config == {"repository": "org/name", "revision": "abc"}
    assert "expected hf:ORG/NAME@REVISION" in problems(text, write, inputs=["base=hf:org/name"])


def test_what_nothing_can_adopt_is_a_mistake(write, tmp_path):
    text = "name: x\ninputs: {base: x.txt}\nsteps:\n  a: {stage: toy.all, inputs: {items: [base]}}\n"
    assert "no way to adopt what its users take" in problems(text, write)


@pytest.mark.parametrize("source", ["hf:org/name", "hf:name@abc", "hf:a/b/c@d", "hf:@", "hf:"])
def test_a_hub_name_takes_a_revision(source):
    with pytest.raises(ConfigError, match="expected hf:ORG/NAME@REVISION"):
        adopt_config(source, None)


# --- finding ---------------------------------------------------------------------------------------------------------


def test_recipes_are_found_by_name_and_by_path(home, write):
    assert find_recipe("nano").name == "nano.yaml"
    (home / "recipes").mkdir()
    (home / "recipes" / "mine.yaml").write_text("name: mine\nsteps: {}\n")
    assert builtin_recipes()["mine"] == home / "recipes" / "mine.yaml"
    path = write(GOOD)
    assert str(find_recipe(path)) == path
    with pytest.raises(ConfigError) as caught:
        find_recipe("nanno")
    assert "did you mean nano?" in caught.value.hint
    with pytest.raises(ConfigError, match="no such recipe file"):
        find_recipe("none/at/all.yaml")


@pytest.mark.parametrize("name", sorted(builtin_recipes()))
def test_recipes_that_come_along_are_right(name, tmp_path):
    needed = [key for key, value in (load_yaml(builtin_recipes()[name]).value.get("inputs") or {}).items() if not value]
    assert load_recipe(name, inputs=[f"{key}={tmp_path}" for key in needed]).order


@pytest.mark.usefixtures("unloaded")
def test_a_recipe_brings_its_plugins(write, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from lontar.core.artifact import Report\nfrom lontar.core.stage import stage\n"
        "@stage('mine.brought', out=Report, version=1)\ndef brought(job) -> None:\n    '''Mine.'''\n"
    )
    loaded = load_recipe(write("name: x\nplugins: [mine.py]\nsteps:\n  a: {stage: mine.brought}\n"))
    assert loaded.stages["a"].out is Report
    assert "no such plug-in file" in problems("name: x\nplugins: [none.py]\nsteps: {}\n", write)


def test_a_recipe_made_in_python_is_checked_too():
    made = recipes.Recipe(name="x", steps={"a": recipes.Step(stage="toy.prats")})
    with pytest.raises(ConfigError, match=r"recipe x: a\.stage: unknown stage"):
        check(made)


def test_a_kind_that_a_plugin_brings_is_known_when_its_stage_is(write, tmp_path, unloaded):
    (unloaded / "plugins" / "kinds.py").write_text(
        "from lontar.core.artifact import Artifact, Report\nfrom lontar.core.stage import stage\n"
        "class Sensors(Artifact):\n    kind = 'sensors-of-a-plugin'\n"
        "@stage('mine.make', out=Sensors, version=1)\ndef make(job) -> None:\n    (job.dir / 'x').write_text('x')\n"
        "@stage('mine.use', out=Report, version=1)\n"
        "def use(job, x: Sensors) -> None:\n    (job.dir / 'x').write_text('x')\n"
    )
    text = "name: x\ninputs: {x: null}\nsteps:\n  used: {stage: mine.use, inputs: {x: x}}\n"
    made = find_stage("mine.make")(tmp_path / "made")
    assert load_recipe(write(text), inputs=[f"x={made.path}"]).externals == {"x": made.path}
