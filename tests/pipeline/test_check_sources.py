"""What `mmed sources check` tells the author of a parser, and the owner of a table."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.check_sources import check
from pipeline.check_text import as_json, render
from schemas.item import LANGUAGES, BadRow, Flag, Item, Language, Turn
from sources import registry
from sources.reading import open_binary
from sources.source import File, Source
from sources.table import TableSettings
from tests.pipeline.engine.commands import mmed, write_recipe

TEXTS: dict[Language, tuple[str, str, str]] = {
    "en": ("Which vitamin prevents scurvy?", "Vitamin C", "Vitamin D"),
    "zh": ("哪种维生素预防坏血病？", "维生素C", "维生素D"),
    "ja": ("壊血病を防ぐビタミンは？", "ビタミンC", "ビタミンD"),
    "fr": ("Quelle vitamine prévient le scorbut ?", "Vitamine C", "Vitamine D"),
    "ru": ("Какой витамин предупреждает цингу?", "Витамин C", "Витамин D"),
    "es": ("¿Qué vitamina previene el escorbuto?", "Vitamina C", "Vitamina D"),
}


class Drill:
    """A parser of one tab-separated file: language, question, right, wrong."""

    SOURCE = Source(
        name="drill",
        title="Drill questions",
        homepage="",
        revision="1",
        languages=LANGUAGES,
        files={"train": (File(path="drill/train.tsv"),), "test": (File(path="drill/test.tsv"),)},
        splits={"train": "train", "test": "benchmark"},
        license="CC-BY-4.0",
        license_evidence="",
        redistributable="yes",
        forms=("exam",),
        citation="",
        expected_rows={},
    )

    def parse(self, files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
        for split, paths in files.items():
            for path in paths:
                with open_binary(path) as stream:
                    lines = stream.read().decode().splitlines()
                for row, line in enumerate(lines, start=1):
                    yield self._row(str(path), row, split, line)

    def _row(self, file: str, row: int, split: str, line: str) -> Item | BadRow:
        language, *cells = line.split("\t")
        if language not in LANGUAGES or len(cells) != 3:
            return BadRow(file, row, "invalid_record", line)
        return Item(
            file=file,
            row=row,
            key=f"q{row}",
            split=split,
            task="mcq",
            form="exam",
            language=language,
            question=cells[0],
            options=(cells[1], cells[2]),
            answer_indices=(0,) if cells[1] else (),
        )


def write_train(raw: Path, *more: str) -> Path:
    path = raw / "drill" / "train.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join((language, *TEXTS[language])) for language in LANGUAGES]
    path.write_text("\n".join([*lines, *more]), encoding="utf-8")
    return path


def declared(**changes: object) -> Drill:
    parser = Drill()
    only_train = {"train": Drill.SOURCE.files["train"]}
    parser.SOURCE = replace(Drill.SOURCE, **({"files": only_train} | changes))  # type: ignore[arg-type]
    return parser


def test_every_language_is_shown_readably_with_its_key(tmp_path: Path) -> None:
    write_train(tmp_path)
    text = render(check(declared(), tmp_path))
    for language, (question, right, wrong) in TEXTS.items():
        assert f": {language} mcq exam, split train" in text
        assert f"question   {question}\n  * A        {right}\n    B        {wrong}" in text
    assert "key        A (one allowed)" in text
    assert "no row was refused" in text


def test_five_items_are_shown_of_a_set_in_one_language(tmp_path: Path) -> None:
    path = write_train(tmp_path)
    path.write_text("\n".join(["es\t¿Uno?\tsí\tno"] * 9), encoding="utf-8")
    result = check(declared(), tmp_path)
    assert [item.row for item in result.items] == [1, 2, 3, 4, 5]
    assert result.counts == {"train": {"es/mcq": 9}}


def test_every_refusal_tells_file_row_reason_and_excerpt(tmp_path: Path) -> None:
    write_train(tmp_path, "de\tFrage\tja\tnein", "es\tcortada\x1b[31m")
    result = check(declared(), tmp_path)
    text = render(result)
    sentence = "The upstream row could not be read as its format demands."
    assert f"train.tsv, row 7: invalid_record. {sentence}\n    de\tFrage\tja\tnein" in text
    assert "train.tsv, row 8: invalid_record" in text
    assert "\x1b" not in text
    assert "2 rows were refused" in text
    refusal = as_json(result)["refusals"][0]
    assert refusal["file"] == str(tmp_path / "drill" / "train.tsv")
    assert (refusal["row"], refusal["reason"], refusal["sentence"]) == (
        7,
        "invalid_record",
        sentence,
    )
    assert refusal["excerpt"] == "de\tFrage\tja\tnein"


def test_counts_are_held_against_the_declared_ones(tmp_path: Path) -> None:
    write_train(tmp_path, "broken")
    kinds = {f"{language}/mcq": 1 for language in LANGUAGES}
    right = check(
        declared(expected_rows={"train": kinds, "refused": {"invalid_record": 1}}), tmp_path
    )
    assert right.is_as_expected
    assert "All counts are as declared." in render(right)
    wrong = check(declared(expected_rows={"train": kinds | {"es/mcq": 4}}), tmp_path)
    assert not wrong.is_as_expected
    assert wrong.differences == [
        "refused invalid_record: expected 0, found 1",
        "train es/mcq: expected 4, found 1",
    ]
    assert as_json(wrong)["differences"] == wrong.differences
    assert "not as declared: train es/mcq: expected 4, found 1" in render(wrong)


def test_missing_files_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    write_train(tmp_path)
    result = check(Drill(), tmp_path)
    assert result.missing == [str(tmp_path / "drill" / "test.tsv")]
    assert sum(result.counts["train"].values()) == 6
    assert not result.is_as_expected
    text = render(result)
    assert "Run `mmed fetch drill`" in text
    assert "no row was refused" not in text
    assert "1 file is missing." in text


def test_no_row_is_said_to_be_fine_where_no_file_is_there(tmp_path: Path) -> None:
    text = render(check(Drill(), tmp_path))
    assert text.endswith("2 files are missing.\nNo row was read.")
    assert "no row was refused" not in text


def test_rules_for_training_rows_spare_other_roles(tmp_path: Path) -> None:
    path = write_train(tmp_path)
    path.with_name("test.tsv").write_text("es\t¿Sin clave?\t\tno", encoding="utf-8")
    result = check(Drill(), tmp_path)
    assert result.refusals == []
    assert render(result).endswith(
        "The rules for training rows do not apply to rows of the role benchmark.\n"
        "6 of 7 rows would enter a build as training rows; later stages may drop duplicates, "
        "other languages and benchmark questions."
    )


def test_an_unknown_licence_of_a_whole_source_is_a_note_and_one_left_out_refuses_rows(
    tmp_path: Path,
) -> None:
    write_train(tmp_path)
    unknown = check(declared(license="LicenseRef-unknown"), tmp_path)
    assert (unknown.num_train, unknown.refusals) == (6, [])
    assert "only if its recipe allows the unknown licence" in unknown.notes[0]
    excluded = check(declared(license="CC-BY-NC-4.0"), tmp_path, licenses="permissive")
    assert (excluded.num_train, len(excluded.refusals)) == (0, 6)
    assert excluded.refusals[0].reason == "license_excluded"


def test_a_compressed_file_of_other_bytes_is_noted(tmp_path: Path) -> None:
    path = write_train(tmp_path)
    body = path.read_bytes()
    path.with_name("train.tsv.gz").write_bytes(gzip.compress(body))
    path.unlink()
    right = File(path="drill/train.tsv", sha256=hashlib.sha256(body).hexdigest())
    assert check(declared(files={"train": (right,)}), tmp_path).notes == []
    wrong = replace(right, sha256="0" * 64)
    [note] = check(declared(files={"train": (wrong,)}), tmp_path).notes
    assert f"expected {'0' * 64}" in note


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path) -> None:
    path = write_train(tmp_path)
    path.with_name("train.tsv.gz").write_bytes(gzip.compress(path.read_bytes())[:-9])
    path.unlink()
    with pytest.raises(ValueError, match=r"damaged .* Delete the file"):
        check(declared(), tmp_path)


def test_remarks_count_what_a_build_will_drop_later(tmp_path: Path) -> None:
    class Remarked(Drill):
        def _row(self, file: str, row: int, split: str, line: str) -> Item | BadRow:
            item = super()._row(file, row, split, line)
            assert isinstance(item, Item)
            return replace(item, key="same", flags=(Flag("image_dependent", "Figure 1"),))

    parser = Remarked()
    parser.SOURCE = declared().SOURCE
    write_train(tmp_path, "es\t¿Sin clave?\t\tno")
    result = check(parser, tmp_path)
    assert result.remarks == {"image_dependent": 7, "no_key": 1}
    text = render(result)
    assert "flag       image_dependent Figure 1" in text
    assert "of these dropped for repeated_key: 1" in text


def test_long_texts_are_shortened_and_dialogues_shown(tmp_path: Path) -> None:
    class Long(Drill):
        def _row(self, file: str, row: int, split: str, line: str) -> Item | BadRow:
            item = super()._row(file, row, split, line)
            assert isinstance(item, Item)
            turns = (Turn("user", "Me duele."), Turn("assistant", "¿Dónde?"))
            return replace(item, context="caso\n" * 900, history=turns)

    parser = Long()
    parser.SOURCE = declared().SOURCE
    write_train(tmp_path)
    text = render(check(parser, tmp_path))
    assert "(4500 characters in all)" in text
    assert "assistant said ¿Dónde?" in text


def table(path: Path) -> TableSettings:
    return TableSettings.model_validate(
        {
            "name": "mine",
            "path": path,
            "fields": {"question": "Pregunta", "options": ["A", "B"], "key": "Clave"},
            "language": "es",
            "license": "LicenseRef-own",
            "form": "exam",
        }
    )


def test_a_table_is_told_with_what_was_found_out_about_it(tmp_path: Path) -> None:
    path = tmp_path / "preguntas.csv"
    rows = ["¿Uno?;sí;no;A", "¿Dos?;sí;no;b", ";sí;no;A", "¿Tres?;sí;no;C"]
    path.write_text("\n".join(["Pregunta;A;B;Clave", *rows * 4]), encoding="utf-8")
    settings = table(path).model_copy(update={"key_base": "letter"})
    result = check(settings, tmp_path / "unused")
    text = render(result)
    assert "mine: Table mine, licence LicenseRef-own, redistributable no, egress local" in text
    assert "note: read as utf-8, delimiter ';', header in line 1" in text
    assert "note: keys read as letters, one per question" in text
    assert "preguntas.csv, row 4: empty_question. The question is empty." in text
    assert "column 'Clave' holds 'C', but there are 2 options" in text
    assert "The source declares no expected counts." in text
    assert result.is_as_expected
    assert json.loads(json.dumps(as_json(result)))["counts"]["table"] == {"es/mcq": 8}


def test_rows_that_a_build_would_drop_as_it_reads_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "preguntas.csv"
    rows = ["¿Uno?;sí;no;A", "¿Dos?;sí;SÍ;A", "¿Tres?;sí;no;", "¿Cuatro?;sí;no;B"]
    path.write_text("\n".join(["Pregunta;A;B;Clave", *rows]), encoding="utf-8")
    result = check(table(path), tmp_path)
    text = render(result)
    assert "2 rows were refused:" in text
    assert "preguntas.csv, row 3: duplicate_options. Two options say the same.\n    sí | SÍ" in text
    assert "preguntas.csv, row 4: no_key. Upstream names no correct option.\n    ¿Tres?" in text
    assert "\n\n2 of 4 rows would enter a build as training rows; later stages may drop" in text
    value = as_json(result)
    assert (value["rows"], value["training_rows"]) == (4, 2)
    spared = check(table(path).model_copy(update={"role": "validation"}), tmp_path)
    assert spared.refusals == []
    assert render(spared).endswith("\n0 of 4 rows would enter a build as training rows.")


def test_a_single_refusal_is_told_in_the_singular(tmp_path: Path) -> None:
    path = tmp_path / "preguntas.csv"
    path.write_text("Pregunta;A;B;Clave\n¿Uno?;sí;no;A\n;sí;no;A\n", encoding="utf-8")
    assert "\n1 row was refused:\n" in render(check(table(path), tmp_path))


def test_what_is_not_as_declared_ends_with_one_and_refused_rows_do_not(tmp_path: Path) -> None:
    absent = mmed("sources", "check", "medmcqa", cwd=tmp_path)
    assert absent.returncode == 1
    assert "Run `mmed fetch medmcqa`" in absent.stdout
    (upstream,) = registry.load("medmcqa").SOURCE.files["dev"]
    path = tmp_path / "raw" / upstream.path
    path.parent.mkdir(parents=True)
    path.write_text("{}\n", encoding="utf-8")
    other = mmed("sources", "check", "medmcqa", cwd=tmp_path)
    assert other.returncode == 1
    assert "not as declared" in other.stdout
    (tmp_path / "t.csv").write_text("Pregunta;A;B;Clave\n¿1?;sí;no;A\n;a;b;A\n", "utf-8")
    entry = table(Path("t.csv")).model_dump(mode="json", exclude_none=True)
    write_recipe(tmp_path, tables=[entry])
    refused = mmed("sources", "check", "recipe.yaml", cwd=tmp_path)
    assert refused.returncode == 0, refused.stderr
    assert "1 row was refused" in refused.stdout


def test_a_fault_of_the_whole_table_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "preguntas.csv"
    path.write_text("Pregunta;A;B\n¿Uno?;sí;no\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'Clave'") as caught:
        check(table(path), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.real
@pytest.mark.parametrize("name", ["medmcqa", "pubmedqa", "medqa"])
def test_real_sources_are_as_declared(name: str, raw_root: Path) -> None:
    result = check(registry.load(name), raw_root)
    assert result.is_as_expected
    assert len(result.items) == 5
