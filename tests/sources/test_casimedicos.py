"""CasiMedicos: cases rebuilt from a token file, parallel in three languages."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.casimedicos import SOURCE, parse
from tests.sources.real import counts, parse_real

SPANISH = """\
QUESTION TYPE: PNEUMOLOGY
CLINICAL CASE:
Mujer de 30 años (fumadora) con tos.
¿Cuál es el diagnóstico más probable?
1- Asma.
2- Bronquitis aguda.
3- Neumonía.
4- Tuberculosis.
5- nan
CORRECT ANSWER: 2
La respuesta correcta es la 2.
La bronquitis aguda da tos, con expectoración o sin ella, y nunca infiltrados en la placa."""

ENGLISH = """\
QUESTION TYPE: PNEUMOLOGY
CLINICAL CASE:
A 30-year-old woman (smoker) with cough.
What is the most likely diagnosis?
1- Asthma.
2- Acute bronchitis.
3- Pneumonia.
4- Tuberculosis.
5- nan
CORRECT ANSWER: 2
The correct answer is 2.
Acute bronchitis gives cough without infiltrates on the radiograph."""

FRENCH = """\
QUESTION TYPE: PNEUMOLOGIE
CLINICAL CASE :
Une femme de 30 ans (fumeuse) tousse.
Quel est le diagnostic le plus probable ?
1- L'asthme.
2- La bronchite aiguë.
3- La pneumonie.
4- La tuberculose.
5- nan
BONNE RÉPONSE : 2
La bonne réponse est 2.
La bronchite aiguë fait tousser ; la radiographie est normale."""


def write(path: Path, *cases: str, tail: str = " HighQuality", end: str = "\n") -> Path:
    """Write sentences as upstream does: a word and its labels a line, a blank line between."""
    sentences = "\n".join(cases).splitlines()
    lines = [
        end.join(f"{word} I-Claim{tail}" for word in sentence.split(" ")) for sentence in sentences
    ]
    path.write_text(f"{end}{end}".join(lines) + end, encoding="utf-8", newline="")
    return path


def mains(rows: list[Item | BadRow]) -> list[Item]:
    return [row for row in rows if isinstance(row, Item) and row.part == "main"]


def only(tmp_path: Path, case: str, split: str = "es/train") -> Item:
    (item,) = mains(list(parse({split: [write(tmp_path / "case.tsv", case)]})))
    return item


def test_a_case_is_rebuilt_as_its_author_wrote_it(tmp_path: Path) -> None:
    item = only(tmp_path, SPANISH)
    assert item.question == (
        "Mujer de 30 años (fumadora) con tos. ¿Cuál es el diagnóstico más probable?"
    )
    assert item.answer_indices == (1,)
    assert item.topic == "PNEUMOLOGY"
    assert (item.row, item.origin) == (1, "native")


def test_blanks_before_french_punctuation_stay(tmp_path: Path) -> None:
    item = only(tmp_path, FRENCH, "fr/train")
    assert item.question.endswith("Quel est le diagnostic le plus probable ?")
    assert "tousser ; la" in item.rationale


@pytest.mark.parametrize("heading", ["BONNE RÉPONSE : 2", "RÉPONSE CORRECTE : 2"])
def test_french_headings_of_the_key(tmp_path: Path, heading: str) -> None:
    item = only(tmp_path, FRENCH.replace("BONNE RÉPONSE : 2", heading), "fr/train")
    assert item.answer_indices == (1,)
    assert "RÉPONSE" not in item.rationale


def test_a_fifth_option_that_does_not_exist_is_removed(tmp_path: Path) -> None:
    options = ("Asma.", "Bronquitis aguda.", "Neumonía.", "Tuberculosis.")
    assert only(tmp_path, SPANISH).options == options


def test_an_option_may_run_over_two_sentences(tmp_path: Path) -> None:
    item = only(tmp_path, SPANISH.replace("1- Asma.", "1- Asma.\nSe pedirá una espirometría."))
    assert item.options[0] == "Asma. Se pedirá una espirometría."
    assert item.options[1] == "Bronquitis aguda."


def test_numbers_that_begin_sentences_of_the_case_are_no_options(tmp_path: Path) -> None:
    item = only(
        tmp_path,
        ENGLISH.replace("A 30-year-old", "1-year-old twins at home.\n5-10 days ago a 30-year-old"),
        "en/train",
    )
    assert item.question.startswith("1-year-old twins at home. 5-10 days ago a 30-year-old woman")
    assert item.options[0] == "Asthma."


def test_the_explanation_names_options_by_letter(tmp_path: Path) -> None:
    text = SPANISH + "\nDescartamos las opciones 1, 3 y 4.\nEntre la 1 y la 2, la 2 es mejor."
    assert only(tmp_path, text).rationale.endswith(
        "Descartamos las opciones A, C y D. Entre la A y la B, la B es mejor."
    )


def test_numbers_that_count_things_stay(tmp_path: Path) -> None:
    text = ENGLISH + "\nGive 2.5 mg for 10 days, at 3%."
    assert only(tmp_path, text, "en/train").rationale.endswith("Give 2.5 mg for 10 days, at 3%.")


def test_an_explanation_with_a_number_of_unclear_meaning_keeps_all_its_numbers(
    tmp_path: Path,
) -> None:
    text = ENGLISH + "\nOption 1 is wrong; 3 needs fever."
    rationale = only(tmp_path, text, "en/train").rationale
    assert "The correct answer is 2." in rationale
    assert rationale.endswith("Option 1 is wrong; 3 needs fever.")


def test_a_first_sentence_that_only_repeats_the_key_is_removed(tmp_path: Path) -> None:
    text = SPANISH.replace("La respuesta correcta es la 2.", "2.")
    assert only(tmp_path, text).rationale.startswith("La bronquitis aguda")


def test_carriage_returns_and_missing_quality_labels_read_the_same(tmp_path: Path) -> None:
    plain = only(tmp_path, SPANISH)
    path = write(tmp_path / "case.tsv", SPANISH, tail="", end="\r\n")
    assert mains(list(parse({"es/train": [path]}))) == [plain]


def test_cases_at_the_same_place_share_a_root_in_all_languages(tmp_path: Path) -> None:
    texts = {"es/dev": SPANISH, "en/dev": ENGLISH, "fr/dev": FRENCH}
    files = {
        split: [write(tmp_path / f"{split[:2]}.tsv", text, text.replace("30", "40"))]
        for split, text in texts.items()
    }
    items = mains(list(parse(files)))
    assert len({item.key for item in items}) == 6
    assert [item.origin for item in items] == ["native"] * 2 + ["translated"] * 4
    roots = {
        language: [item.parallel_key for item in items if item.language == language]
        for language in ("es", "en", "fr")
    }
    assert roots["es"] == roots["en"] == roots["fr"]


def test_a_question_repeated_in_another_split_has_one_root_in_all_languages(
    tmp_path: Path,
) -> None:
    again = SPANISH.replace("La bronquitis aguda da", "Otra doctora: la bronquitis da")
    other_words = ENGLISH.replace("What is the most likely", "Which is the likeliest")
    files = {
        "es/train": [write(tmp_path / "es_train.tsv", again)],
        "es/test": [write(tmp_path / "es_test.tsv", SPANISH)],
        "en/train": [write(tmp_path / "en_train.tsv", other_words)],
        "en/test": [write(tmp_path / "en_test.tsv", ENGLISH)],
    }
    assert len({item.parallel_key for item in mains(list(parse(files)))}) == 1


def test_a_case_without_a_key_is_refused_and_keeps_its_place(tmp_path: Path) -> None:
    broken = SPANISH.replace("CORRECT ANSWER: 2", "SIN RESPUESTA")
    spanish = write(tmp_path / "es.tsv", broken, SPANISH.replace("30", "40"))
    english = write(tmp_path / "en.tsv", ENGLISH, ENGLISH.replace("30", "40"))
    rows = list(parse({"es/train": [spanish], "en/train": [english]}))
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [(row.row, row.reason, row.language) for row in bad] == [(1, "invalid_record", "es")]
    places = [item.parallel_key for item in mains(rows)]
    assert places == ["train-2", "train-1", "train-2"]


def test_the_explanation_also_answers_the_question_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "case.tsv", SPANISH)
    main, twin = parse({"es/train": [path]})
    assert isinstance(main, Item)
    assert isinstance(twin, Item)
    assert (twin.part, twin.form, twin.task) == ("explanation", "explanation", "qa")
    assert (twin.row, twin.key, twin.parallel_key) == (main.row, main.key, main.parallel_key)
    assert twin.answer.startswith("Bronquitis aguda.")
    assert "la 2" not in twin.answer


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("casimedicos", raw_root)
    assert counts("casimedicos", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.language, item.part, item.key) for item in items}) == len(items)
    cases = mains(rows)
    assert Counter(item.language for item in cases) == {"es": 553, "en": 553, "fr": 553}
    assert Counter(len(item.options) for item in cases) == {4: 3 * 298, 5: 3 * 255}
    assert all(item.question and item.rationale for item in cases)
    assert all(0 <= item.answer_indices[0] < len(item.options) for item in cases)


@pytest.mark.real
def test_real_languages_are_aligned_case_by_case(raw_root: Path) -> None:
    by_language: dict[str, list[Item]] = defaultdict(list)
    for item in mains(parse_real("casimedicos", raw_root)):
        by_language[item.language].append(item)
    for language in ("en", "fr"):
        for spanish, other in zip(by_language["es"], by_language[language], strict=True):
            assert spanish.parallel_key == other.parallel_key
            assert spanish.split.partition("/")[2] == other.split.partition("/")[2]
            assert spanish.answer_indices == other.answer_indices
            assert len(spanish.options) == len(other.options)


@pytest.mark.real
def test_real_questions_repeat_across_splits_under_one_root(raw_root: Path) -> None:
    roots: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    for item in mains(parse_real("casimedicos", raw_root)):
        roots[item.parallel_key].add(item.split.partition("/")[2])
        keys[item.parallel_key].add(item.answer_indices)
    assert len(roots) == 481
    assert sum(len(splits) > 1 for splits in roots.values()) == 30
    assert sum(len(answers) > 1 for answers in keys.values()) == 4  # the doctors disagree
