import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.normalize import comparison_key, published, published_series


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("The liver\r\nstores iron.  \r\n", "The liver\nstores iron."),
        ("肝脏\u2028储存铁。\ufeff", "肝脏\n储存铁。"),
        ("肝臓は\u3000鉄を\u200b貯える。\u3000", "肝臓は\u3000鉄を貯える。"),
        ("Le foie\u00a0: un organe\n\n\n\nvital", "Le foie\u00a0: un organe\n\nvital"),
        ("Печень\u00ad хранит\x07 железо\t\n", "Печень хранит железо"),
        ("El hi\u0301gado", "El hígado"),
    ],
)
def test_published_repairs_encoding_debris(raw: str, clean: str) -> None:
    assert published(raw) == clean


@pytest.mark.parametrize("text", ["10⁶ UFC", "½ comprimé", "ＨｂＡ１ｃ", "①③", "が", "а́"])
def test_published_leaves_the_authors_characters(text: str) -> None:
    assert published(text) == text


def test_published_replaces_unpaired_surrogates() -> None:
    assert published("dose \ud83d 5 mg") == "dose \ufffd 5 mg"


def test_published_drops_invisible_tag_characters_that_could_hide_instructions() -> None:
    assert published("take rest\U000e0069\U000e0067") == "take rest"


@given(st.text())
def test_published_is_idempotent_and_nfc(text: str) -> None:
    once = published(text)
    assert published(once) == once
    assert unicodedata.is_normalized("NFC", once)


def test_published_series_keeps_null_and_name() -> None:
    series = pl.Series("question", ["a\r\nb ", None, "肝\u2029臓"])
    assert published_series(series).to_list() == ["a\nb", None, "肝\n臓"]
    assert published_series(series).name == "question"


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "H₂O", "H2O"),
        ("en", "23. Which drug is first-line?", "Which drug is first line"),
        ("en", "Q12. Which drug is best?", "WHICH DRUG IS BEST"),
        ("en", "5 mg twice", "5mg  twice."),
        ("en", "10⁶/L", "10^6 / L"),
        ("en", ".5 mL", "0.5 mL"),
        ("en", "WBC >= 1,500", "wbc ≥1500"),
        ("en", "HBsAg (+) and fever", "HBsAg+ and fever"),
        ("en", "А mаn рrеѕеntѕ", "A man presents"),  # Cyrillic look-alikes on the left
        ("zh", "23．下列哪項檢查？", "下列哪项检查"),
        ("zh", "血糖５～１０ mmol/L", "血糖5-10mmol/L"),
        ("ja", "第3題　次のうち正しいのはどれか。", "次のうち正しいのはどれか"),
        ("ja", "ﾋﾞﾀﾐﾝ Ｂ１２", "ビタミンB12"),
        ("fr", "1 500 UI d’œstradiol", "1500 UI d'oestradiol"),
        ("fr", "37,5 °C", "37.5°C"),
        ("ru", "Ещё 0,5 мг", "еще 0.5 мг"),
        ("ru", "гепатит B", "гепатит В"),  # Latin and Cyrillic
        ("es", "37,5 ºC", "37.5 °C"),
        ("es", "1.500 leucocitos", "1500 leucocitos"),
        ("zh", "■ 白细胞 ⩾ 10", "● 白细胞≥10"),
        ("fr", "TA ⬆, ∆ 5 mmHg", "TA ↑, Δ 5 mmHg"),
    ],
)
def test_key_is_equal_when_only_the_writing_differs(language: str, first: str, second: str) -> None:
    assert comparison_key(first, language) == comparison_key(second, language)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "5 mg", "50 mg"),
        ("en", "0.5 mg", "05 mg"),
        ("en", "10⁶", "106"),
        ("en", "10⁻³", "10³"),
        ("en", "1½", "11/2"),
        ("en", "pH < 7.35", "pH > 7.35"),
        ("en", "Rh+ mother", "Rh- mother"),
        ("en", "37 ± 2", "37 2"),
        ("en", "50 %", "50"),
        ("en", "1) and 3)", "2) and 3)"),
        ("zh", "①②", "12"),
        ("zh", "HBsAg（＋）", "HBsAg（－）"),
        ("zh", "10 20", "1020"),
        ("ja", "がん", "かん"),
        ("ja", "35歳", "3.5歳"),
        ("fr", "pêche", "péché"),
        ("fr", "1,5 mg", "15 mg"),
        ("ru", "1,2 мг", "12 мг"),
        ("ru", "мой", "мои"),
        ("es", "año", "ano"),
        ("es", "1,5 g", "1.500 g"),
        *(
            (language, f"A {one} B", f"A {other} B")
            for language in ("en", "zh", "ja", "fr", "ru", "es")
            for one, other in (
                "⩾⩽",
                "≫≪",
                "⊕⊖",
                "⇑⇓",
                "⬆⬇",
                "↗↘",
                "▲▼",
                "🔺🔻",
                "➕➖",
                "○△",
                "✓✗",
                "∩∪",
                "😀😢",
            )
        ),
    ],
)
def test_key_keeps_what_changes_the_meaning(language: str, first: str, second: str) -> None:
    assert comparison_key(first, language) != comparison_key(second, language)


STEMS = {
    "en": "45-year-old man with chest pain",
    "zh": "45岁男性，突发胸痛两小时",
    "ja": "45歳の男性。胸痛を主訴に来院した。",
    "fr": "45 ans, homme, douleur thoracique",
    "ru": "45-летний мужчина с болью в груди",
    "es": "45 años, varón con dolor torácico",
}
NUMBERS = {
    "en": ("Question 12: ", "Question 12 ", "No. 12. "),
    "zh": ("第12题 ", "问题12：", "23、"),
    "ja": ("問12 ", "設問12　", "第12問　"),
    "fr": ("QCM 12. ", "Question n° 12. ", "Question No 12 : "),
    "ru": ("Вопрос 12. ", "Вопрос №12. ", "Задача 3. ", "Задание 3. "),
    "es": ("Pregunta 12. ", "Pregunta nº 12. ", "Pregunta n.º 12: "),
}


@pytest.mark.parametrize("language", STEMS)
def test_item_number_before_a_number_does_not_count(language: str) -> None:
    stem = STEMS[language]
    for number in ("23. ", "12) ", "(12) ", "[12] ", "Q12. ", "№ 12. ", *NUMBERS[language]):
        assert comparison_key(number + stem, language) == comparison_key(stem, language), number


@pytest.mark.parametrize("language", STEMS)
def test_item_number_before_a_dash_does_not_count(language: str) -> None:
    stem = STEMS[language].lstrip("0123456789- ")
    assert comparison_key("12 - " + stem, language) == comparison_key(stem, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "2.5 mg of aspirin daily"),
        ("en", "12 - 15 year old children need a booster"),
        ("en", "No 5 mg tablets of the drug are left"),
        ("zh", "3.5岁男孩出现发热咳嗽"),
        ("zh", "38. 5℃发热三天，伴有咳嗽咳痰"),
        ("zh", "3、5岁时应当接种哪些疫苗"),
        ("ja", "3.5歳の男児。発熱を主訴に来院した。"),
        ("fr", "1,5 mg de colchicine par jour"),
        ("ru", "1,2,3 верны"),
        ("es", "2.5 mg de enalapril al día"),
    ],
)
def test_key_does_not_take_a_value_for_an_item_number(language: str, text: str) -> None:
    assert comparison_key(text, language)[0] == text[0].casefold()


@given(st.text(), st.sampled_from(["en", "zh", "ja", "fr", "ru", "es"]))
def test_key_has_no_outer_or_double_spaces(text: str, language: str) -> None:
    key = comparison_key(text, language)
    assert key == " ".join(key.split())
