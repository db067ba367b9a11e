import pytest

from lontar.core.config import parse_yaml, validate
from lontar.data.config import BuildConfig, Source
from lontar.errors import ConfigError


def read(text):
    parsed = parse_yaml(text, "c.yaml")
    return validate(BuildConfig, parsed.value, parsed)


def test_a_short_config_is_spelled_out_in_full():
    config = read(
        "sources: [{sample: parallel, langs: [tha_Thai, fil, zh-Hant]}]\nfilters: [word_count, {language_share: 0.5}]"
    )
    assert config.sources[0].langs == ("th", "tl", "zh")
    assert config.filters == (
        {"word_count": {"min_words": 3, "max_words": 100_000}},
        {"language_share": {"min_share": 0.5}},
    )
    assert BuildConfig.model_validate(config.model_dump(mode="json")) == config


def test_all_mistakes_are_told_together_with_lines_and_nearest_names():
    with pytest.raises(ConfigError) as caught:
        read(
            "sources:\n"
            "  - {jsonl: a.jsonl, txt: b}\n"
            "  - {text: a.txt, lang: tth}\n"
            "  - {text: a.txt, license: free to use}\n"
            "filters:\n"
            "  - word_cont\n"
            "  - word_count: {min_wrds: 5}\n"
            "  - language_share: {min_share: much}\n"
        )
    message = caught.value.message
    assert message.startswith("6 problems")
    for said in (
        "c.yaml:2: sources.0.txt: unknown field",
        "c.yaml:3: sources.1.lang: unknown language 'tth'",
        "c.yaml:4: sources.2.license: license: 'free to use' is not an SPDX identifier",
        "c.yaml:6: filters.0: unknown filter 'word_cont' (did you mean word_count ",
        "min_wrds: unknown field (did you mean min_words",
        "min_share",
    ):
        assert said in message, message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "exactly one of"),
        ({"jsonl": "a", "text": "b"}, "given: jsonl, text"),
        ({"jsonl": "a", "unit": "file"}, "`unit` goes with `text`"),
        ({"text": "a", "text_field": "body"}, "`text_field` does not go with `text`"),
        ({"text": "a", "limit_docs": 0}, "greater than or equal to 1"),
    ],
)
def test_a_source_is_one_thing(given, said):
    with pytest.raises(ConfigError, match=said):
        validate(Source, given)


def test_a_corpus_needs_a_source():
    with pytest.raises(ConfigError, match="at least one source"):
        read("sources: []")
