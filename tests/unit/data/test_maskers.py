import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lontar import languages
from lontar.core.registry import Registry
from lontar.data.config import BuildConfig
from lontar.data.maskers import mask, maskers, used
from lontar.text import native_digits

ALL = ["email", "id_number", "phone"]
# Chinese numerals are no decimal digits.
NATIVE = sorted({lang.digits for lang in languages.all_languages() if lang.digits.isdecimal()})

PHONES = [
    "+62 812-0000-0000", "+62 (0)21 5550 0000", "0062 812 0000 0000", "081200000000", "0812-0000-0000",
    "0812.0000.0000", "(021) 555-0000", "+60 12-000 0000", "012-000 0000", "03-0000 0000", "+66 81 000 0000",
    "+66 081 000 0000", "081-000-0000", "02-000-0000", "+84 90 000 0000", "0900 000 000", "0900000000",
    "+95 9 000 000 000", "09 000 000 000", "09-000000000", "+855 12 000 000", "012 000 000", "+856 20 0000 0000",
    "020 0000 0000", "+63 900 000 0000", "0900-000-0000", "+65 9000 0000", "+86 139 0000 0000", "139-0000-0000",
]  # fmt: skip
ANNOUNCED = [
    "Tel: 9000 0000",
    "电话：139 0000 0000",
    "โทร 02 000 0000",
    "โทร.0810000000",
    "ဖုန်း 0900 000",
    "HP 90000000",
    "ĐT: 0900000",
]
IDS = [
    "1100000101000000", "000101-00-0000", "1-0000-00000-00-9", "1 0000 00000 00 9", "S0000000J", "t0000000g",
    "0000-0000-0000-0000", "00-0000000-0", "100000190001010002", "12/ABC(N)000000", "0/ကကက(နိုင်)000000",
]  # fmt: skip
EMAILS = ["a.b@example.com", "nama+surat@example.co.id", "X_1@sub.example.org"]
PLAIN = [
    "Rp 1.250.000", "Rp1.250.000,00", "฿1,500", "RM 38.50", "$18,750.00", "20 000 000 đồng", "1 000 000 000 VND",
    "100.000.000.000", "9,000–12,000", "6000-8000", "12-08-2024", "2024-08-12", "08-12-2024 09:30", "01-02-2024",
    "25 12 2024", "15/08/1945", "1990–2005", "2001-2002", "2001-2002-2003-2004", "2020 2021 2022 2023", "2567",
    "08.30-17.00", "0800-1600", "10:15", "09.00", "3.14159265", "0.0812345678", "12345678", "123456789012",
    "18000000000", "1234567890123", "1 234 567 890", "1234567890123456", "9786020000000", "ISBN 0786904070",
    "ISBN 978-602-00-0000-0", "0123456789", "192.168.0.1", "https://example.com/0812345678/0900000000",
    "?id=1520734208887752&page=2", "+1.000.000", "+62", "S1234567A", "No. 08/2024", "tel 2001-2005", "hp 1.250.000",
    "SKU081234567890", "08123456,50", "0812345678%", "5 000 0000", "@nama", "a@b", "3-1",
]  # fmt: skip


def masked(text, *names):
    return mask(text, used(names or ALL))


@pytest.mark.parametrize("number", PHONES)
def test_telephone_numbers_in_any_digits(number):
    for digits in ["0123456789", *NATIVE]:
        written = native_digits(number, digits)
        for text in (f"Hubungi {written}.", f"สนใจติดต่อ{written}ได้", f"({written})", written):
            assert masked(text, "phone") == (text.replace(written, "<phone>"), {"phone": 1}), text


@pytest.mark.parametrize("text", ANNOUNCED)
def test_a_number_that_a_word_announces(text):
    found, edits = masked(text, "phone")
    assert edits == {"phone": 1} and found.endswith("<phone>") and not re.search(r"\d", found)


@pytest.mark.parametrize("number", IDS)
def test_numbers_of_identity_cards(number):
    for digits in ["0123456789", *NATIVE]:
        text = f"No. KTP: {native_digits(number, digits)}, ya"
        assert masked(text, "id_number") == ("No. KTP: <id_number>, ya", {"id_number": 1})


def test_numbers_that_need_a_word_before_them():
    assert masked("สำเนาบัตรประชาชน 1000000000009") == ("สำเนาบัตรประชาชน <id_number>", {"id_number": 1})
    assert masked("Số căn cước: 001000000000") == ("Số căn cước: <id_number>", {"id_number": 1})
    for text in ("รหัสสินค้า 1000000000009", "Mã vạch 001000000000"):
        assert masked(text) == (text, {})


@pytest.mark.parametrize(
    "number",
    [
        "1100003201000000",
        "000132-00-0000",
        "1-0000-00000-00-8",
        "S0000000A",
        "100000190001010008",
        "100000190013010002",
    ],
)
def test_a_wrong_date_or_check_digit_is_no_identity_card(number):
    assert masked(f"nomor {number} itu", "id_number") == (f"nomor {number} itu", {})


@pytest.mark.parametrize("address", EMAILS)
def test_addresses(address):
    assert masked(f"Tulis ke {address}.") == ("Tulis ke <email>.", {"email": 1})


@pytest.mark.parametrize("text", PLAIN)
def test_prices_dates_times_and_plain_numbers_stay(text):
    for around in ("{}", "Sekitar {} saja.", "ราคา{}นะ", "约{}。"):
        for digits in ["0123456789", *NATIVE]:
            sentence = around.format(native_digits(text, digits))
            assert masked(sentence) == (sentence, {}), sentence


def grouped(sign):
    return st.integers(0, 10**10).map(lambda n: f"{n:,}".replace(",", sign))


PLAIN_NUMBERS = st.one_of(
    st.integers(0, 10**10).map(str),
    grouped(","),
    grouped("."),
    st.decimals(0, 10**6, places=2).map(str),
    st.dates().map(lambda d: d.strftime("%d/%m/%Y")),
    st.dates().map(lambda d: d.isoformat()),
    st.times().map(lambda t: t.strftime("%H:%M")),
    st.tuples(st.integers(1000, 2999), st.integers(1000, 2999)).map(lambda years: "{}–{}".format(*years)),
)


@given(PLAIN_NUMBERS, st.sampled_from(["Rp {}", "{} บาท", "{}年", "စုစုပေါင်း {}", "{}"]), st.sampled_from(NATIVE))
def test_no_written_quantity_is_masked(number, around, digits):
    text = around.format(native_digits(number, digits))
    assert masked(text) == (text, {})


@given(st.text(alphabet="0123456789 -.+()/@aS:๐၁tel\n", max_size=60))
def test_maskers_are_total_idempotent_and_count(text):
    for entry in maskers:
        once, n = entry.function(text)
        assert once.count(f"<{entry.name}>") == n
        assert (n == 0) == (once == text)
        assert entry.function(once) == (once, 0)


@pytest.mark.parametrize("entry", list(maskers), ids=lambda entry: entry.name)
def test_a_masker_is_described_and_takes_text_alone(entry):
    assert re.fullmatch(r"Replace .+ by <\w+>\.", entry.summary)
    assert [p.kind for p in inspect.signature(entry.function).parameters.values()] == [
        inspect.Parameter.POSITIONAL_ONLY
    ]
    for lang in languages.all_languages():
        for text in (*lang.samples, "", "\0", "9" * 5000, "0 " * 3000, "a@" * 3000):
            assert entry.function(text) == entry.function(text)
            if text in lang.samples:
                assert entry.function(text) == (text, 0)


def test_a_misspelled_masker_names_the_nearest():
    with pytest.raises(ValidationError, match="did you mean phone"):
        BuildConfig.model_validate({"sources": [{"jsonl": "x"}], "mask": ["phones"]})


def test_the_registry_is_open():
    assert isinstance(maskers, Registry) and {entry.name for entry in maskers} >= set(ALL)
