"""Scoring translations against references: chrF++ with its interval, and what the checks count."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest
from sacrebleu.metrics.chrf import CHRF

from pipeline.errors import InputError
from pipeline.translation.score import (
    SENTENCES_FILE,
    SUMMARY_FILE,
    TARGETS,
    Sentence,
    read_sentences,
    score,
    summarize,
    write,
)
from schemas.item import Language

ENGLISH = [
    "Give 250 mg of amoxicillin every 12 hours for 5 days.",
    "The cough started three weeks ago and the fever has not returned.",
    "Wash your hands before every meal.",
]
REFERENCES: dict[Language, list[str]] = {
    "es": [
        "Administre 250 mg de amoxicilina cada 12 horas durante 5 días.",
        "La tos comenzó hace tres semanas y la fiebre no ha vuelto a aparecer.",
        "Lávese las manos antes de cada comida.",
    ],
    "fr": [
        "Administrer 250 mg d'amoxicilline toutes les 12 heures pendant 5 jours.",
        "La toux a commencé il y a trois semaines et la fièvre n'est pas revenue.",
        "Lavez-vous les mains avant chaque repas.",
    ],
    "ru": [
        "Назначьте 250 мг амоксициллина каждые 12 часов в течение 5 дней.",
        "Кашель начался три недели назад, и температура больше не повышалась.",
        "Мойте руки перед каждым приёмом пищи.",
    ],
    "zh": [
        "每12小时给予阿莫西林250 mg，疗程5天。",
        "咳嗽始于三周前，此后未再发热。",
        "每餐前请洗手。",
    ],
}
UNIT = (
    '<tu tuid="{key}"><tuv xml:lang="en"><seg>{english}</seg></tuv>'
    '<tuv xml:lang="{locale}"><seg>{text}</seg></tuv></tu>'
)


def sentences_of(target: Language) -> list[Sentence]:
    pairs = zip(ENGLISH, REFERENCES[target], strict=True)
    return [Sentence(f"Made_1:{number}", *pair) for number, pair in enumerate(pairs, start=1)]


def raw_folder(tmp_path: Path, target: Language, first_number: int = 1) -> Path:
    """Write a translation memory of our sentences where `mmed fetch` would put the real one."""
    locale = {"es": "es-LA"}.get(target, target)
    units = "".join(
        UNIT.format(key=f"Made_1:{number}", english=english, locale=locale, text=text)
        for number, (english, text) in enumerate(
            zip(ENGLISH, REFERENCES[target], strict=True), start=first_number
        )
    )
    path = tmp_path / "parallel" / "tico19" / f"all.en-{locale}.tmx"
    path.parent.mkdir(parents=True)
    path.write_text(f'<tmx version="1.4"><body>{units}</body></tmx>', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("target", TARGETS)
def test_sentences_are_read_with_their_references_in_order(
    tmp_path: Path, target: Language
) -> None:
    assert read_sentences(raw_folder(tmp_path, target), target) == sentences_of(target)


def test_french_rows_that_hold_another_row_are_left_out(tmp_path: Path) -> None:
    raw = raw_folder(tmp_path, "fr", first_number=461)
    assert [one.key for one in read_sentences(raw, "fr")] == ["Made_1:461"]


def test_same_rows_are_kept_in_other_languages(tmp_path: Path) -> None:
    assert len(read_sentences(raw_folder(tmp_path, "es", first_number=461), "es")) == 3


@pytest.mark.parametrize("target", ["ja", "en"])
def test_language_without_references_is_named(tmp_path: Path, target: Language) -> None:
    with pytest.raises(InputError, match=f"no references in '{target}'.*es, fr, ru, zh"):
        read_sentences(tmp_path, target)


def test_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"all\.en-zh\.tmx: no such file\. Run: mmed fetch tico19"):
        read_sentences(tmp_path, "zh")


@pytest.mark.parametrize("target", TARGETS)
def test_reference_itself_scores_100_and_passes(target: Language) -> None:
    sentences = sentences_of(target)
    scored = score(sentences, REFERENCES[target], target)
    summary = summarize(scored, "made", target)
    assert [one.problems for one in scored] == [(), (), ()]
    assert (summary.num_passed, summary.pass_rate, summary.num_by_check) == (3, 1.0, {})
    for metric in summary.metrics.values():
        assert metric.score == metric.low == metric.high == 100


@pytest.mark.parametrize("target", TARGETS)
def test_wrong_translation_scores_less_and_is_counted_by_check(target: Language) -> None:
    references = REFERENCES[target]
    translations = [references[0].replace("250", "750"), ENGLISH[1], references[2]]
    summary = summarize(score(sentences_of(target), translations, target), "made", target)
    assert summary.num_passed == 1
    assert summary.num_by_check["numbers"] == 1
    assert summary.num_by_check["copy"] == 1
    for metric in summary.metrics.values():
        assert metric.low < metric.score < metric.high <= 100


@pytest.mark.parametrize("target", TARGETS)
def test_corpus_score_is_the_one_of_sacrebleu(target: Language) -> None:
    translations = ["5 mg", *REFERENCES[target][:2]]
    summary = summarize(score(sentences_of(target), translations, target), "made", target)
    expected = CHRF(word_order=2).corpus_score(translations, [REFERENCES[target]]).score
    assert summary.metrics["chrf++"].score == pytest.approx(expected, abs=1e-4)


def test_empty_translation_scores_nothing_and_does_not_pass() -> None:
    scored = score(sentences_of("es"), ["", *REFERENCES["es"][1:]], "es")
    summary = summarize(scored, "made", "es")
    assert scored[0].scores == {"chrf++": 0.0, "chrf": 0.0}
    assert (summary.num_empty, summary.num_passed) == (1, 2)


def test_model_that_never_answers_has_no_interval() -> None:
    summary = summarize(score(sentences_of("ru"), ["", "", ""], "ru"), "made", "ru")
    assert [(one.score, one.low, one.high) for one in summary.metrics.values()] == [(0, 0, 0)] * 2


def test_words_of_chinese_weigh_on_the_score_that_counts_words() -> None:
    translations = [text.replace("每", "隔") for text in REFERENCES["zh"]]
    metrics = summarize(score(sentences_of("zh"), translations, "zh"), "made", "zh").metrics
    assert metrics["chrf"].score > metrics["chrf++"].score
    assert "|nw:0|" in metrics["chrf"].signature
    assert "|nw:2|" in metrics["chrf++"].signature


def test_same_translations_give_the_same_files(tmp_path: Path) -> None:
    translations = [REFERENCES["fr"][0], ENGLISH[1], REFERENCES["fr"][2]]
    folders = [tmp_path / "first", tmp_path / "second"]
    for out in folders:
        scored = score(sentences_of("fr"), translations, "fr")
        write(out, scored, summarize(scored, "made", "fr"))
    for name in (SENTENCES_FILE, SUMMARY_FILE):
        assert len({(out / name).read_bytes() for out in folders}) == 1


def test_files_hold_every_sentence_with_its_problems(tmp_path: Path) -> None:
    translations = [REFERENCES["fr"][0], ENGLISH[1], ""]
    scored = score(sentences_of("fr"), translations, "fr")
    write(tmp_path, scored, summarize(scored, "made/model", "fr"))
    table = pl.read_parquet(tmp_path / SENTENCES_FILE)
    assert table["key"].to_list() == ["Made_1:1", "Made_1:2", "Made_1:3"]
    assert table["translation"].to_list() == translations
    assert table["problems"].list.len().to_list()[0] == 0
    assert table["problems"][1][0]["check"] == "copy"
    summary = json.loads((tmp_path / SUMMARY_FILE).read_text(encoding="utf-8"))
    assert (summary["model"], summary["num_sentences"], summary["num_empty"]) == (
        "made/model",
        3,
        1,
    )


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.chrf", None)
    with pytest.raises(InputError, match=r"`sacrebleu`.*not installed.*evaluate"):
        score(sentences_of("es"), REFERENCES["es"], "es")


def test_nothing_to_score_is_said() -> None:
    with pytest.raises(InputError, match="no sentence"):
        summarize([], "made", "es")
