"""`lontar show`, `verify`, `list`, `adopt`."""

import json
import shutil

import pytest

from lontar.cli.artifacts import listings
from lontar.cli.render import size, text


@pytest.fixture
def finished(cli, recipe, tmp_path):
    cli("run", recipe, "--out", tmp_path / "run")
    return tmp_path / "run"


# --- show ------------------------------------------------------------------------------------------------------------


def test_show_one(cli, finished):
    out = cli("show", finished / "joined").out
    for words in (
        "report",
        "toy.join v1",
        "CC-BY-4.0",
        "attribution",
        "lineage",
        "first",
        "rest[0]",
        "toy.parts",
        "sep",
    ):
        assert words in out
    found = cli("show", finished / "joined", "--json").json
    assert found["manifest"]["kind"] == "report"
    assert [p["name"] for p in found["lineage"]["parents"]] == ["first", "rest[0]"]
    assert found["lineage"]["parents"][0]["stage"] == "toy.parts"


def test_show_a_run(cli, finished):
    out = cli("show", finished).out
    assert "parts" in out
    assert "joined" in out
    assert len(cli("show", finished, "--json").json) == 2


def test_show_tells_what_failed_and_what_is_in_conflict(cli, tmp_path, make_artifact):
    (tmp_path / "fail-1").touch()
    cli("toy", "parts", "--out", tmp_path / "part", f"trace={tmp_path}")
    out = cli("show", tmp_path / "part").out
    assert "no: 1 items failed" in out
    assert "1: asked to" in out
    from lontar.core.license import SourceTerms, from_sources

    terms = from_sources([SourceTerms(spdx=s, source="x") for s in ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0")])
    made = make_artifact(tmp_path / "mixed", "records", {"a": b"1"}, license_=terms)
    assert "each ask that derivatives carry that same license" in cli("show", made.path).out


def test_show_survives_a_missing_record(cli, finished):
    shutil.rmtree(finished / "joined" / "lineage")
    assert "record missing" in cli("show", finished / "joined").out
    assert cli("show", finished / "joined", "--json").code == 0


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()])
@pytest.mark.parametrize("verb", ["show", "verify"])
def test_what_is_no_artifact(cli, tmp_path, make, verb):
    make(tmp_path / "x")
    result = cli(verb, tmp_path / "x", "--json")
    assert result.code == 4
    assert "give an artifact's folder or a run's" in result.err
    assert result.out == ""


# --- verify ----------------------------------------------------------------------------------------------------------


def test_verify_whole(cli, finished):
    result = cli("verify", finished)
    assert result.code == 0
    assert result.out == "2 artifacts, 4 files: all as recorded\n"
    assert cli("verify", finished, "--json").json == {
        "verified": {str(finished / "joined"): [], str(finished / "parts"): []},
        "problems": 0,
    }


def flip(path):
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (lambda run: flip(run / "parts" / "pieces" / "1.txt"), "parts/pieces/1.txt: content differs"),
        (lambda run: (run / "parts" / "pieces" / "1.txt").write_text("x"), "parts/pieces/1.txt: content differs"),
        (lambda run: (run / "parts" / "pieces" / "1.txt").unlink(), "parts/pieces/1.txt: missing"),
        (lambda run: (run / "parts" / "new.txt").write_text("x"), "parts/new.txt: not recorded"),
        (lambda run: (run / "parts" / "manifest.json").write_text("{"), "parts/manifest.json: "),
        (lambda run: next((run / "joined" / "lineage").iterdir()).unlink(), ".json: missing (parent 'first')"),
        (lambda run: next((run / "joined" / "lineage").iterdir()).write_text("{"), ".json: damaged (parent 'first')"),
        (lambda run: flip(next((run / "joined" / "lineage").iterdir())), ".json: damaged (parent 'first')"),
    ],
)
def test_verify_names_any_damage_and_exits_4(cli, finished, damage, name):
    damage(finished)
    result = cli("verify", finished)
    assert result.code == 4
    assert result.out == ""
    assert "1 difference from what was recorded" in result.err
    assert name in result.err
    found = cli("verify", finished, "--json")
    assert found.code == 4
    assert found.json["problems"] == 1


def test_verify_names_all_of_several(cli, finished):
    (finished / "parts" / "pieces" / "0.txt").unlink()
    flip(finished / "parts" / "pieces" / "1.txt")
    flip(finished / "joined" / "joined.txt")
    result = cli("verify", finished)
    assert "3 differences" in result.err
    for name in ("pieces/0.txt: missing", "pieces/1.txt: content differs", "joined.txt: content differs"):
        assert name in result.err


def test_verify_a_resealed_manifest(cli, finished):
    path = finished / "parts" / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["license"]["spdx"] = "CC0-1.0"
    path.write_text(json.dumps(data), encoding="utf-8")
    result = cli("verify", finished / "parts")
    assert result.code == 4
    assert "manifest.json: edited after it was written" in result.err


# --- list ------------------------------------------------------------------------------------------------------------


def test_list_lists_its_sorts(cli):
    assert cli("list").out.split() == sorted(listings())
    assert cli("list", "--json").json == sorted(listings())


@pytest.mark.parametrize("what", sorted(listings()))
def test_every_sort_can_be_listed(cli, what):
    rows = cli("list", what, "--json").json
    assert rows
    assert all(rows[0].keys() == row.keys() for row in rows)
    names = [row.get("name", row.get("code")) for row in rows]
    assert len(set(names)) == len(names)
    plain = cli("list", what)
    assert plain.code == 0
    assert str(names[0]) in plain.out
    assert plain.err == ""


def test_list_shows_recipes_of_the_home(cli, home):
    (home / "recipes").mkdir()
    (home / "recipes" / "mine.yaml").write_text("name: mine\ndescription: Mine [b].\nsteps: {}\n", encoding="utf-8")
    (home / "recipes" / "odd.yaml").write_text("- 1\n", encoding="utf-8")
    rows = {row["name"]: row for row in cli("list", "recipes", "--json").json}
    assert rows["mine"]["what it does"] == "Mine [b]."
    assert "odd" in rows
    assert "Mine [b]." in cli("list", "recipes").out


# --- adopt -----------------------------------------------------------------------------------------------------------


def test_adopt_knows_what_it_can_take(cli, tmp_path):
    result = cli("adopt", "modle", tmp_path, "--out", tmp_path / "x")
    assert result.code == 2
    assert "nothing adopts a 'modle'" in result.err


def test_adopt_takes_in_material(cli, tmp_path, monkeypatch):
    from lontar.core import stage as stages
    from lontar.core.artifact import Records
    from lontar.core.config import Config

    stages.all_stages()  # a family imported while the copy stands would be lost with it
    monkeypatch.setattr(stages, "_STAGES", dict(stages._STAGES))

    class AdoptConfig(Config):
        path: str = ""
        license: str = ""

    @stages.stage("toys.adopt", out=Records, version=1)
    def adopt(job, *, config: AdoptConfig) -> None:
        """Take in a file."""
        job.add_license(config.license, config.path, 1)
        (job.dir / "taken.txt").write_text("x")

    result = cli("adopt", "records", "a.txt", "--license", "MIT", "--out", tmp_path / "x")
    assert result.code == 0
    assert f"records in {tmp_path / 'x'}: MIT" in result.out
    assert cli("adopt", "records", "a.txt", "--license", "MIT", "--out", tmp_path / "x", "--json").json["path"]
    assert cli("adopt", "records", "a.txt", "--out", tmp_path / "y").code == 6
    assert cli("adopt", "records", "hf:org/name", "--out", tmp_path / "y").code == 2
    wrong = cli("adopt", "records", "hf:org/name@v1", "--out", tmp_path / "y")
    assert wrong.code == 2
    assert "adopt records: repository: unknown field" in wrong.err


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")]
)
def test_sizes(n, shown):
    assert size(n) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (1.23456, "1.235"),
        (123456.7, "123,457"),
        (1234567, "1,234,567"),
        (True, "True"),
        ("[b]x[/b]", "\\[b]x\\[/b]"),
    ],
)
def test_cells(value, shown):
    assert text(value) == shown
