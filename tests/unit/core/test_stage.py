"""Stages from annotated functions: inputs, config, names."""

import pytest

from lontar.core import build as builder
from lontar.core import stage as stages
from lontar.core.artifact import Artifact, Corpus, Model, Records, Report
from lontar.core.config import Config
from lontar.core.executor import Resources
from lontar.core.stage import NoConfig, all_stages, families, find_stage, library_version, stage
from lontar.errors import ConfigError, KindError, UnknownNameError
from tests.unit.core import toys as t


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    stages.all_stages()  # a family imported while the copy stands would be lost with it
    monkeypatch.setattr(stages, "_STAGES", dict(stages._STAGES))


@pytest.fixture
def records(make_artifact, tmp_path):
    return [make_artifact(tmp_path / f"r{i}", "records", {"a": str(i).encode()}) for i in range(3)]


def test_inputs_and_config_come_from_the_signature():
    join = t.join
    assert join.summary == "Join one artifact and several more."
    assert join.config_type is t.JoinConfig
    assert {n: (s.kinds, s.many, s.required) for n, s in join.inputs.items()} == {
        "first": ((Records, Corpus), False, True),
        "rest": ((Records,), True, False),
        "model": ((Model,), False, False),
    }
    assert [s.described for s in join.inputs.values()] == [
        "records or corpus",
        "records, several, optional",
        "model, optional",
    ]
    assert t.join_all.config_type is NoConfig
    assert t.join_all.inputs["items"].required


def test_a_stage_is_called_like_a_function(tmp_path, records, corpus):
    made = t.join(tmp_path / "out", records[0], (records[1], records[2]), config=t.JoinConfig(sep="-"))
    assert type(made) is Report
    assert (made.path / "joined.txt").read_text() == "-".join(r.digest for r in records)
    assert t.join(str(tmp_path / "other"), corpus).manifest.config == {"sep": " "}
    assert t.join_all(tmp_path / "list", (records[0],)).manifest.parents["items"][0].digest == records[0].digest


def test_one_artifact_may_stand_for_a_list_of_one(tmp_path, records):
    made = t.join_all.run(tmp_path / "out", {"items": records[0]})
    assert made.manifest.fingerprint == t.join_all.derivation({"items": (records[0],)}).fingerprint


@pytest.mark.parametrize("inputs", [{}, {"first": None}, {"rest": ()}])
def test_a_missing_input_is_named(inputs):
    with pytest.raises(ConfigError, match=r"toy\.join: input 'first' is required \(records or corpus\)"):
        t.join.derivation(inputs)
    with pytest.raises(ConfigError, match="input 'items' is required"):
        t.join_all.derivation({"items": ()})


def test_an_unknown_input_is_named(records):
    with pytest.raises(ConfigError, match="unknown input 'frist'") as caught:
        t.join.derivation({"first": records[0], "frist": records[0]})
    assert "did you mean first" in caught.value.hint


def test_a_wrong_kind_is_named(tmp_path, records, make_artifact):
    model = make_artifact(tmp_path / "m", "model", {"a": b""})
    with pytest.raises(KindError, match=r"input 'first' takes records or corpus, got a model \(.*m\)"):
        t.join.derivation({"first": model})
    with pytest.raises(KindError, match=r"input 'rest' takes records"):
        t.join.derivation({"first": records[0], "rest": (records[1], model)})
    with pytest.raises(KindError, match="got 'runs/x'"):
        t.join.derivation({"first": "runs/x"})


@pytest.mark.parametrize("config", [t.PartsConfig(), {"sep": "-"}])
def test_a_config_of_another_class_is_refused(records, config):
    with pytest.raises(ConfigError, match=r"config must be a JoinConfig"):
        t.join.derivation({"first": records[0]}, config)


def test_annotations_that_are_no_artifacts_are_refused_when_the_stage_is_defined():
    with pytest.raises(TypeError, match="input x must be annotated with artifact classes"):

        @stage("bad.one", out=Report, version=1)
        def one(job, x: int) -> None: ...

    with pytest.raises(TypeError, match="config must be annotated with a Config class"):

        @stage("bad.two", out=Report, version=1)
        def two(job, *, config: dict) -> None: ...

    assert not [name for name in stages._STAGES if name.startswith("bad.")]


def test_a_name_is_taken_once():
    def first(job) -> None: ...

    def second(job) -> None: ...

    stage("some.name", out=Report, version=1)(first)
    stage("some.name", out=Report, version=2)(first)
    with pytest.raises(ConfigError, match=r"stage 'some\.name' is defined by both"):
        stage("some.name", out=Report, version=1)(second)


def test_stages_are_found_by_name(toys):
    assert find_stage("toy.parts") is t.parts
    assert find_stage("data.build").out is Corpus
    assert {"data", "tokenizer", "train", "eval", "export"} <= set(families())
    names = [s.name for s in all_stages()]
    assert names == sorted(names)
    assert "toy.parts" in names
    with pytest.raises(UnknownNameError) as caught:
        find_stage("data.biuld")
    assert "data.build" in caught.value.hint


def test_a_plugin_stage_is_found(unloaded):
    (unloaded / "plugins" / "mine.py").write_text(
        "from lontar.core.artifact import Report\nfrom lontar.core.stage import stage\n"
        "@stage('mine.own', out=Report, version=1)\n"
        "def own(job) -> None:\n    '''Mine.'''\n    (job.dir / 'x').write_text('x')\n"
    )
    assert find_stage("mine.own").summary == "Mine."


# --- what enters the fingerprint -------------------------------------------------------------------------------------


def fingerprint(stage_, inputs=None, config=None, **options):
    return stage_.using(**options).derivation(inputs or {}, config).fingerprint


def test_config_seed_and_parents_enter_the_fingerprint(records):
    base = fingerprint(t.join, {"first": records[0]})
    assert fingerprint(t.join, {"first": records[0]}) == base
    others = [
        fingerprint(t.join, {"first": records[1]}),
        fingerprint(t.join, {"first": records[0], "rest": (records[1],)}),
        fingerprint(t.join, {"first": records[0], "rest": (records[1], records[2])}),
        fingerprint(t.join, {"first": records[0], "rest": (records[2], records[1])}),
        fingerprint(t.join, {"first": records[0]}, t.JoinConfig(sep="x")),
        fingerprint(t.join, {"first": records[0]}, seed=1),
    ]
    assert len({base, *others}) == 7


def test_resources_and_locations_do_not(tmp_path):
    base = fingerprint(t.parts)
    assert fingerprint(t.parts, resources=Resources(workers=4, device="cpu")) == base
    assert fingerprint(t.parts, config=t.PartsConfig(trace=str(tmp_path))) == base
    assert fingerprint(t.parts, config=t.PartsConfig(n=4)) != base


def test_a_location_is_recorded_beside_the_resources(tmp_path, trace):
    made = t.parts(tmp_path / "out", config=t.PartsConfig(trace=str(trace)))
    assert "trace" not in made.manifest.config
    assert made.manifest.resources["trace"] == str(trace)
    assert made.verify() == []


def test_a_parent_is_known_by_its_content_not_by_how_it_was_made(make_artifact, tmp_path):
    one = make_artifact(tmp_path / "one", "records", {"a": b"1"}, seed=1)
    two = make_artifact(tmp_path / "two", "records", {"a": b"1"}, seed=2, metrics={"x": 1.0})
    assert one.manifest.seal != two.manifest.seal
    assert fingerprint(t.join, {"first": one}) == fingerprint(t.join, {"first": two})


def test_the_version_of_a_library_enters(monkeypatch):
    @stage("some.lib", out=Report, version=1, libraries=("zstandard", "not-installed-anywhere"))
    def lib(job) -> None: ...

    derivation = lib.derivation({})
    assert derivation.uses["library:zstandard"] == library_version("zstandard") != "missing"
    assert derivation.uses["library:not-installed-anywhere"] == "missing"
    monkeypatch.setattr(stages, "library_version", lambda name: "99")
    assert lib.derivation({}).fingerprint != derivation.fingerprint


def test_what_a_stage_uses_enters(tmp_path, records):
    class UsesConfig(Config):
        path: str = ""

    def uses(config, inputs):
        assert inputs["first"] is records[0]
        return {f"file:{config.path}": "digest of the file"}

    @stage("some.uses", out=Report, version=1, uses=uses)
    def some(job, first: Records, *, config: UsesConfig) -> None: ...

    derivation = some.derivation({"first": records[0]}, UsesConfig(path="a"))
    assert derivation.uses["file:a"] == "digest of the file"
    assert "file:a" in derivation.identity["uses"]


def test_the_version_of_the_stage_enters():
    def work(job) -> None: ...

    prints = {stage("some.v", out=Report, version=v)(work).derivation({}).fingerprint for v in (1, 2)}
    assert len(prints) == 2


def test_the_source_of_a_plugin_stage_enters_and_that_of_a_built_in_one_does_not(monkeypatch):
    monkeypatch.setattr("lontar.core.plugins.source_digest", lambda function: "first")
    first = fingerprint(t.parts)
    assert t.parts.derivation({}).uses == {"plugin:stage:toy.parts": "first"}
    monkeypatch.setattr("lontar.core.plugins.source_digest", lambda function: "second")
    assert fingerprint(t.parts) != first
    from lontar.data.config import BuildConfig, Source

    config = BuildConfig(sources=(Source(sample="parallel"),))
    assert not [
        name for name in find_stage("data.build").derivation({}, config).uses if name.startswith("plugin:stage:")
    ]


def test_a_derivation_lists_its_inputs(records):
    derivation = t.join.derivation({"first": records[0], "rest": (records[1], records[2])})
    assert derivation.input_list == records
    assert derivation.identity["parents"] == {
        "first": records[0].digest,
        "rest[0]": records[1].digest,
        "rest[1]": records[2].digest,
    }
    assert all(isinstance(item, Artifact) for item in derivation.input_list)


def test_places_that_have_no_name_get_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert builder.named(".") == tmp_path
    assert builder.named("a/..").name == tmp_path.name
    assert str(builder.named("runs/x")) == "runs/x"
