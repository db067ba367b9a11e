"""Every registered function: described, typed, with settings that a config can hold, and found by name."""

import importlib
import inspect
import re
import typing

import pytest

from lontar.cli.artifacts import _REGISTRIES
from lontar.core.manifest import canonical_json
from lontar.core.registry import Registry
from lontar.errors import ConfigError, UnknownNameError


def registry(target) -> Registry:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


ENTRIES = [
    pytest.param(found, entry, id=f"{noun}-{entry.name}")
    for noun, target in sorted(_REGISTRIES.items())
    for found in [registry(target)]
    for entry in found
    if entry.builtin
]
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@pytest.mark.parametrize("noun", sorted(_REGISTRIES))
def test_every_registry_that_is_listed_has_entries(noun):
    found = registry(_REGISTRIES[noun])
    assert isinstance(found, Registry)
    assert [entry.name for entry in found] == sorted(entry.name for entry in found)
    assert list(found)


@pytest.mark.parametrize(("found", "entry"), ENTRIES)
def test_it_is_named_and_described(found, entry):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.name)
    assert entry.summary.endswith((".", "!", "?")), "the docstring opens with a sentence"
    assert len(entry.summary) <= 160
    assert len(entry.source_digest) == 64


@pytest.mark.parametrize(("found", "entry"), ENTRIES)
def test_data_are_positional_and_settings_are_keywords(found, entry):
    hints = typing.get_type_hints(entry.function)
    parameters = list(inspect.signature(entry.function).parameters.values())
    assert parameters
    assert parameters[0].kind in POSITIONAL
    for parameter in parameters:
        assert parameter.kind in (*POSITIONAL, inspect.Parameter.KEYWORD_ONLY), "no *args, no **kwargs"
        assert parameter.name in hints, f"{parameter.name} has no type"
    assert "return" in hints


@pytest.mark.parametrize(("found", "entry"), ENTRIES)
def test_settings_fit_a_config(found, entry):
    schema = entry.knobs.model_json_schema()
    defaults = {n: i.default for n, i in entry.knobs.model_fields.items() if not i.is_required()}
    canonical_json(entry.knobs.model_construct(**defaults).model_dump(mode="json"))
    required = [n for n, i in entry.knobs.model_fields.items() if i.is_required()]
    assert schema.get("required", []) == required
    if not required:
        assert found.use(entry.name).name == entry.name
        assert dict(found.use({entry.name: {}}).knobs).keys() == entry.knobs.model_fields.keys()


@pytest.mark.parametrize(("found", "entry"), ENTRIES)
def test_a_misspelled_name_or_setting_is_an_error_with_a_hint(found, entry):
    with pytest.raises(UnknownNameError) as caught:
        found.get(entry.name + "x")
    assert entry.name in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="zzz_no_such"):
        found.use({entry.name: {"zzz_no_such": 1}})
