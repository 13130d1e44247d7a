"""A user's table: what real files of every format hold, and what is said of their faults."""

from __future__ import annotations

import datetime
import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from pydantic import ValidationError

from schemas.item import BadRow, Item
from sources.table import TableSettings, parse_table, read_table, source_of

MCQ = {"question": "Pregunta", "options": ["A", "B", "C", "D"], "key": "Clave"}
QA = {"question": "question", "answer": "answer"}
HEADER = ["Pregunta", "A", "B", "C", "D", "Clave"]


def settings(path: Path, fields: dict[str, Any], **changes: Any) -> TableSettings:
    values = {
        "name": "mine",
        "path": path,
        "fields": fields,
        "language": "es",
        "license": "CC-BY-4.0",
        "form": "exam",
    }
    return TableSettings.model_validate(values | changes)


def parse(path: Path, fields: dict[str, Any], **changes: Any) -> list[Item | BadRow]:
    return list(parse_table(settings(path, fields, **changes), path))


def items(path: Path, fields: dict[str, Any], **changes: Any) -> list[Item]:
    rows = parse(path, fields, **changes)
    assert all(isinstance(row, Item) for row in rows), rows
    return [row for row in rows if isinstance(row, Item)]


def refused(path: Path, fields: dict[str, Any], **changes: Any) -> list[BadRow]:
    return [row for row in parse(path, fields, **changes) if isinstance(row, BadRow)]


def fault(path: Path, fields: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_table(settings(path, fields, **changes), path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def sheet(path: Path, rows: Sequence[Sequence[Any]], title: str = "Hoja1") -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def mcq_csv(
    path: Path, keys: list[str], options: tuple[str, ...] = ("uno", "dos", "tres", "cuatro")
) -> Path:
    lines = ["Pregunta,A,B,C,D,Clave"]
    lines += [f'¿Pregunta {n}?,{",".join(options)},"{key}"' for n, key in enumerate(keys, 1)]
    return write(path, "\n".join(lines) + "\n")


def indices(rows: list[Item]) -> list[tuple[int, ...]]:
    return [row.answer_indices for row in rows]


def test_source_of_a_table_is_local_and_not_redistributable_by_default(tmp_path: Path) -> None:
    source = source_of(settings(tmp_path / "t.csv", MCQ, role="benchmark"))
    assert (source.name, source.egress, source.redistributable) == ("mine", "local", "no")
    assert dict(source.splits) == {"table": "benchmark"}
    assert [file.path for file in source.files["table"]] == ["t.csv"]
    assert source.expected_rows == {}


@pytest.mark.parametrize(
    ("fields", "changes", "message"),
    [
        ({"question": "q"}, {}, "map `answer`"),
        ({"question": "q", "options": ["A", "B"]}, {}, "`key` is not"),
        ({"question": "q", "answer": "a", "key": "k"}, {}, "`options` is not"),
        ({"question": "q", "answer": "a", "options": "o"}, {}, "both mapped"),
        ({"question": "q", "answer": "a", "id": False}, {}, "in quotes"),
        ({"question": "q", "anwser": "a"}, {}, "Extra inputs"),
        (MCQ, {"option_separator": "|"}, "4 columns"),
        (MCQ, {"encoding": "utf-9"}, "no such encoding"),
        (MCQ, {"name": "medqa"}, "another one"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    fields: dict[str, Any], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(tmp_path / "t.csv", fields, **changes)


def test_a_benchmark_without_key_keeps_its_questions(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["A"])
    fields = {"question": "Pregunta", "options": ["A", "B", "C", "D"]}
    assert indices(items(path, fields, role="benchmark")) == [()]


@pytest.mark.parametrize("language", ["en", "zh", "ja", "fr", "ru", "es"])
def test_open_questions_of_every_language_stay_as_written(language: str, tmp_path: Path) -> None:
    texts = {
        "en": ("What lowers LDL?", "Statins, mostly."),
        "zh": ("什么药物降低低密度脂蛋白？", "主要是他汀类药物。"),
        "ja": ("ＬＤＬを下げる薬は？", "主にスタチン系薬剤。"),
        "fr": ("Qu’est-ce qui abaisse le LDL ?", "Surtout les statines (0,5 mmol/l)."),
        "ru": ("Что снижает ЛПНП?", "Прежде всего статины, 0,5 ммоль/л."),
        "es": ("¿Qué reduce el LDL?", "Sobre todo las estatinas, 0,5 mmol/l."),
    }
    question, answer = texts[language]
    path = write(tmp_path / "t.csv", f'question,answer\n"{question}","{answer}"\n')
    [item] = items(path, QA, language=language, form="consultation")
    assert (item.question, item.answer, item.language) == (question, answer, language)
    assert (item.task, item.split, item.row, item.file) == ("qa", "table", 2, str(path))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_the_mapped_columns(delimiter: str, tmp_path: Path) -> None:
    header = delimiter.join(["question", "answer", "note, second; third"][:2])
    row = delimiter.join(['"¿Dosis, en mg; habitual?"', '"0,5 mg | al día\t."'])
    path = write(tmp_path / "t.csv", f"{header}\n{row}\n")
    assert items(path, QA)[0].answer == "0,5 mg | al día\t."


def test_byte_order_mark_and_hidden_spaces_in_the_header_are_no_part_of_names(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "t.csv", "\ufeffquestion,\u00a0answer \n¿Qué?,Eso\n")
    assert items(path, QA)[0].answer == "Eso"


def test_titles_above_the_header_are_passed_over_and_rows_are_numbered_by_line(
    tmp_path: Path,
) -> None:
    text = 'sep=;\nExamen 2024;\n\nquestion;answer\n"¿Una\nlarga?";Sí\n¿Otra?;No\n'
    rows = items(write(tmp_path / "t.csv", text), QA)
    assert [(row.row, row.question) for row in rows] == [(5, "¿Una\nlarga?"), (7, "¿Otra?")]


def test_a_row_with_an_extra_cell_is_refused_and_its_neighbours_live(tmp_path: Path) -> None:
    text = "question,answer\n¿1?,a\n¿2?,0,5 mg\n¿3?,c\n¿4?\n¿5?,e,\n"
    rows = parse(write(tmp_path / "t.csv", text), QA)
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [(row.row, row.reason) for row in bad] == [(3, "invalid_record"), (5, "invalid_record")]
    assert "3 cells where the header has 2: ¿2? | 0 | 5 mg" in bad[0].excerpt
    assert [row.question for row in rows if isinstance(row, Item)] == ["¿1?", "¿3?", "¿5?"]


def test_a_quote_that_is_never_closed_costs_only_its_own_line(tmp_path: Path) -> None:
    text = 'question,answer\n¿1?,a\n"¿2?,b\n¿3?,c\n¿4?,"d"\n'
    rows = parse(write(tmp_path / "t.csv", text), QA)
    assert [type(row).__name__ for row in rows] == ["Item", "BadRow", "Item", "Item"]
    assert [row.row for row in rows] == [2, 3, 4, 5]


def test_empty_rows_are_no_rows(tmp_path: Path) -> None:
    text = "n,question,answer\n1,¿Qué?,Eso\n2,,\n,,\n\n"
    assert [row.row for row in items(write(tmp_path / "t.csv", text), QA)] == [2]


def test_empty_cells_say_where_they_are(tmp_path: Path) -> None:
    text = "question,answer\n,Eso\n¿Qué?, \n"
    rows = refused(write(tmp_path / "t.csv", text), QA)
    assert [row.reason for row in rows] == ["empty_question", "empty_answer"]
    assert rows[1].excerpt == "column 'answer' is empty; ¿Qué?"
    assert rows[0].language == "es"


@pytest.mark.parametrize(
    ("language", "encoding", "text"),
    [
        ("es", "windows-1252", "¿Qué fármaco reduce la presión?"),
        ("zh", "gb18030", "高血压的首选药物是什么？"),
        ("ja", "shift_jis", "高血圧の第一選択薬は？"),
        ("ru", "windows-1251", "Какой препарат снижает давление?"),
    ],
)
def test_other_encodings_are_named_in_the_message_and_read_when_declared(
    language: str, encoding: str, text: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "t.csv", f"question,answer\n{text},{text}\n", encoding)
    message = fault(path, QA, language=language)
    assert f"write `encoding: {encoding}`" in message
    assert text in message
    assert "line 2" in message
    assert items(path, QA, language=language, encoding=encoding)[0].question == text


def test_a_utf16_export_is_recognised(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "question\tanswer\n¿Qué?\tEso\n", "utf-16")
    assert "`encoding: utf-16`" in fault(path, QA)
    assert items(path, QA, encoding="utf-16")[0].answer == "Eso"


def test_a_missing_column_names_what_was_found_and_the_closest(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "Unnamed: 0,Question,Respuesta\n0,¿Qué?,Eso\n")
    message = fault(path, {"question": "question", "answer": "Respuestas"})
    assert "'question' (mapped as `question`), 'Respuestas' (mapped as `answer`)" in message
    assert "'Question', 'Respuesta'" in message
    assert "The closest to 'question' is 'Question'" in message


def test_a_mapped_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "question,answer,answer\n¿Qué?,Eso,Otro\n")
    assert "2 columns 'answer'" in fault(path, QA)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"question,answer\n", "no rows beneath the header"),
        ("t.jsonl", b"\n", "is empty"),
        ("t.jsonl", b"[1]\n", "no line is a JSON object"),
        ("t.xls", b"x", "'.xls' is not one of"),
        ("t.json", b"{}", "name it .jsonl"),
        ("t.xlsx", b"PK\x03\x04 cut", "cannot be read as xlsx"),
        ("t.xlsx", b"\xd0\xcf\x11\xe0old", "has a password"),
        ("t.parquet", b"PAR1 cut", "cannot be read as Parquet"),
        ("t.csv.gz", b"\x1f\x8b cut", "cannot be read"),
    ],
)
def test_unreadable_files_are_told_in_one_line(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert message in fault(path, QA)


def test_a_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    assert "does not exist" in fault(tmp_path / "t.csv", QA)
    (tmp_path / "d.csv").mkdir()
    assert "is a folder" in fault(tmp_path / "d.csv", QA)


def test_compressed_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress("question,answer\n¿Qué?,Eso\n".encode()))
    assert items(path, QA)[0].answer == "Eso"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["A", "b", " c. ", "(D)"], [(0,), (1,), (2,), (3,)]),
        (["Ａ", "ｂ", "Ｃ"], [(0,), (1,), (2,)]),
        (["А", "В", "С"], [(0,), (1,), (2,)]),  # Cyrillic
        (["A, C", "AC", "A;C", "A y C", "A、C", "A+C"], [(0, 2)] * 6),
        (["1,3", "1;4", "2", "４"], [(0, 2), (0, 3), (1,), (3,)]),
        (["1.0", "4.0", ""], [(0,), (3,), ()]),
        (["0", "3", "1"], [(0,), (3,), (1,)]),
        (["dos", "TRES.", "uno"], [(1,), (2,), (0,)]),
        (["B. dos", "C) tres"], [(1,), (2,)]),
        (["ア", "イ", "エ"], [(0,), (1,), (3,)]),
        (["①", "④"], [(0,), (3,)]),
    ],
)
def test_keys_are_read_as_people_write_them(
    keys: list[str], expected: list[tuple[int, ...]], tmp_path: Path
) -> None:
    assert indices(items(mcq_csv(tmp_path / "t.csv", keys), MCQ)) == expected


def test_numbers_that_fit_both_counts_are_asked_about(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["1", "2", "3"])
    message = fault(path, MCQ)
    assert "row 2 holds '1'" in message
    assert "(`key_base: one`) it is 'uno'" in message
    assert "(`key_base: zero`) it is 'dos'" in message
    assert indices(items(path, MCQ, key_base="one")) == [(0,), (1,), (2,)]
    assert indices(items(path, MCQ, key_base="zero")) == [(1,), (2,), (3,)]


def test_numbers_that_are_options_themselves_are_asked_about(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["2", "1"], ("1", "2", "4", "8"))
    message = fault(path, MCQ | {"options": ["A", "B", "C", "D"]})
    assert "several ways" in message
    assert indices(items(path, MCQ, key_base="text")) == [(1,), (0,)]


def test_blood_groups_as_option_texts_are_not_taken_for_letters(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["O", "AB", "A"], ("O", "A", "B", "AB"))
    assert indices(items(path, MCQ)) == [(0,), (3,), (1,)]


def test_russian_letters_are_told_from_look_alikes_by_the_file(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["А", "Б", "В", "Г"])
    assert indices(items(path, MCQ)) == [(0,), (1,), (2,), (3,)]
    assert indices(items(mcq_csv(tmp_path / "l.csv", ["А", "В"]), MCQ)) == [(0,), (1,)]
    header = write(tmp_path / "u.csv", "Вопрос,А,Б,В,Г,Ключ\nЧто?,раз,два,три,пять,В\n")
    fields = {"question": "Вопрос", "options": ["А", "Б", "В", "Г"], "key": "Ключ"}
    assert indices(items(header, fields, language="ru")) == [(2,)]
    packed = write(tmp_path / "v.csv", "q,o,k\nЧто?,А) раз|Б) два|В) три,В\n")
    fields = {"question": "q", "options": "o", "key": "k"}
    [item] = items(packed, fields, language="ru", option_separator="|")
    assert (item.options, item.answer_indices) == (("раз", "два", "три"), (2,))
    unknown = write(tmp_path / "w.csv", "q,o1,o2,o3,k\nЧто?,раз,два,три,В\n")
    fields = {"question": "q", "options": ["o1", "o2", "o3"], "key": "k"}
    assert "name the option columns А, Б, В" in fault(unknown, fields, language="ru")


def test_keys_that_no_way_reads_are_asked_about(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["A", "anulada"])
    message = fault(path, MCQ)
    assert "as letters 1 of 2" in message
    assert "row 3 holds 'anulada'" in message
    good, bad = parse(path, MCQ, key_base="letter")
    assert isinstance(good, Item)
    assert isinstance(bad, BadRow)
    assert (bad.reason, bad.row) == ("invalid_record", 3)
    assert bad.excerpt == "column 'Clave' holds 'anulada', which cannot be read as letters"


def test_a_few_typing_errors_do_not_hide_how_keys_are_written(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["A", "B", "C", "D"] * 5 + ["E"])
    [bad] = refused(path, MCQ)
    assert (bad.reason, bad.row) == ("key_out_of_range", 22)
    assert bad.excerpt == "column 'Clave' holds 'E', but there are 4 options"


def test_a_text_key_that_is_no_option_is_refused(tmp_path: Path) -> None:
    path = mcq_csv(tmp_path / "t.csv", ["dos", "cinco"])
    [bad] = refused(path, MCQ, key_base="text")
    assert (bad.reason, bad.row) == ("key_out_of_range", 3)


def test_alternative_keys_are_flagged_and_name_no_answer(tmp_path: Path) -> None:
    rows = items(mcq_csv(tmp_path / "t.csv", ["A", "B o C", "A或D"]), MCQ)
    assert indices(rows) == [(0,), (), ()]
    assert [flag.evidence for row in rows for flag in row.flags] == ["B o C", "A或D"]


def test_several_are_allowed_in_all_rows_once_one_key_names_several(tmp_path: Path) -> None:
    assert all(row.several_allowed for row in items(mcq_csv(tmp_path / "a.csv", ["A", "BC"]), MCQ))
    assert not any(
        row.several_allowed for row in items(mcq_csv(tmp_path / "b.csv", ["A", "B"]), MCQ)
    )


PACKED = {"question": "q", "options": "o", "key": "k"}


@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("aspirina|heparina|ninguna", "|"),
        ("A. aspirina;B. heparina;C. ninguna;", ";"),
        ("a) aspirina\nb) heparina\nc) ninguna", None),
        (r"A aspirina\nB heparina\nC ninguna", None),
        ('["aspirina", "heparina", "ninguna"]', None),
        ("['aspirina', 'heparina', 'ninguna']", None),
        ('{"B": "heparina", "A": "aspirina", "C": "ninguna"}', None),
        ("1- aspirina / 2- heparina / 3- ninguna", "/"),
    ],
)
def test_packed_options_are_taken_apart_and_lose_their_labels(
    cell: str, separator: str | None, tmp_path: Path
) -> None:
    quoted = cell.replace('"', '""')
    path = write(tmp_path / "t.csv", f'q,o,k\n¿Qué?,"{quoted}",B\n')
    [item] = items(path, PACKED, option_separator=separator)
    assert item.options == ("aspirina", "heparina", "ninguna")
    assert item.answer_indices == (1,)


@pytest.mark.parametrize(
    "options",
    [
        ("Legionella", "Candida", "A. fumigatus"),
        ("1.5 mg", "2.5 mg", "3.5 mg"),
        ("1 - 2 días", "2 - 3 días", "3 - 4 días"),
        ("A 群", "B 群", "C 群"),
        ("1:2", "2:3", "3:4"),
    ],
)
def test_texts_that_only_look_labelled_stay_whole(options: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", f"q,o,k\n¿Qué?,{'|'.join(options)},A\n")
    assert items(path, PACKED, option_separator="|")[0].options == options


def test_a_wrong_separator_is_a_fault_of_the_recipe_not_of_every_row(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "q,o,k\n¿Qué?,uno / dos / tres,A\n")
    message = fault(path, PACKED)
    assert "no row has two options in 'o'; row 2 holds 'uno / dos / tres'" in message
    assert "`option_separator`" in message


def test_empty_last_options_are_no_options_and_empty_inner_ones_are_refused(
    tmp_path: Path,
) -> None:
    text = "Pregunta,A,B,C,D,Clave\n¿1?,uno,dos,tres,,A\n¿2?,uno,,tres,,C\n¿3?,uno,,,,A\n"
    path = write(tmp_path / "t.csv", text)
    good, gap, single = parse(path, MCQ)
    assert isinstance(good, Item)
    assert good.options == ("uno", "dos", "tres")
    assert isinstance(gap, BadRow)
    assert gap.reason == "missing_option"
    assert gap.excerpt.startswith("option B is empty, and only empty options at the end mean")
    assert isinstance(single, BadRow)
    assert single.reason == "missing_option"
    protecting = parse(path, MCQ, role="benchmark")[1]
    assert isinstance(protecting, Item)
    assert protecting.options == ("uno", "", "tres")


def test_a_question_without_options_and_key_may_be_a_heading(tmp_path: Path) -> None:
    text = "Pregunta,A,B,C,D,Clave\n¿1?,uno,dos,,,A\nBloque II,,,,,\n¿2?,,,,,B\n"
    heading, question = refused(write(tmp_path / "t.csv", text), MCQ)
    assert (heading.row, heading.reason) == (3, "missing_option")
    assert heading.excerpt == "no options from column 'A' on; a heading or a note? Bloque II"
    assert "heading" not in question.excerpt


def test_rows_with_nothing_in_the_mapped_columns_are_noted(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["n", "question", "answer", "nota"], [1, "¿Qué?", "Eso"], [2], []]
    rows += [[None, None, None, "revisar"], [3, "¿Cuál?", "Ese"], []]
    text = "\n".join(",".join(map(str, row)).replace("None", "") for row in rows)
    csv = write(tmp_path / "t.csv", text.replace("\n2\n", "\n2,,,\n"))
    for path, noted in (
        (sheet(tmp_path / "t.xlsx", rows), "3 rows have nothing in the mapped columns: 3, 4, 5"),
        (csv, "2 rows have nothing in the mapped columns: 3, 5"),
    ):
        assert read_table(settings(path, QA), path).notes[-1] == noted


def test_a_column_of_row_numbers_changes_no_key(tmp_path: Path) -> None:
    plain = items(write(tmp_path / "a.csv", "question,answer\n¿1?,a\n¿2?,b\n¿1?,a\n"), QA)
    indexed = items(write(tmp_path / "b.csv", ",question,answer\n7,¿1?,a\n8,¿2?,b\n9,¿1?,a\n"), QA)
    assert [row.key for row in plain] == [row.key for row in indexed]
    assert len({row.key for row in plain}) == 3


def test_a_mapped_id_is_the_key_and_may_not_be_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n,question,answer\nq-1,¿1?,a\n,¿2?,b\n")
    good, bad = parse(path, QA | {"id": "n"})
    assert isinstance(good, Item)
    assert good.key == "q-1"
    assert isinstance(bad, BadRow)
    assert bad.reason == "missing_field"


def test_a_spanish_workbook_with_merged_title_and_decimal_commas(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Examen de cardiología 2024"],
        [],
        ["Nº", "Tema", "Pregunta", "Opciones", None, None, None, "Clave", "Año"],
        [None, None, None, "A", "B", "C", "D", None, None],
        [1, "Fármacos", "¿Dosis?", "0,5 mg", 37.50000001, 0.1 + 0.2, 2019, "b", 2019],
        [2, None, "¿Y luego?", "0,25 mg", "1,5 mg", "2 mg", None, "A, C", 2019.0],
        [3, None, None, None, None, None, None, None, None],
    ]
    path = sheet(tmp_path / "t.xlsx", rows)
    book = openpyxl.load_workbook(path)
    page = book.active
    assert page is not None
    page.merge_cells("A1:I1")
    page.merge_cells("D3:G3")
    for column in "ABCHI":
        page.merge_cells(f"{column}3:{column}4")
    page.merge_cells("B5:B7")
    page["E5"].number_format = "0.0"
    page["A900"].number_format = "0.00"  # formatted and empty
    book.save(path)
    fields = MCQ | {"topic": "Tema", "year": "Año"}
    first, second = items(path, fields)
    assert first.options == ("0,5 mg", "37.5", "0.3", "2019")
    assert (first.row, first.answer_indices, first.year) == (5, (1,), 2019)
    assert (second.row, second.answer_indices, second.topic) == (6, (0, 2), "Fármacos")
    notes = " | ".join(read_table(settings(path, fields), path).notes)
    assert "header in row 4" in notes
    assert "decimal point" in notes
    assert "several per question" in notes


def test_a_workbook_without_the_key_column_names_it(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", [["Examen"], HEADER[:5], ["¿Qué?", "a", "b", "c", "d"]])
    message = fault(path, MCQ)
    assert "sheet 'Hoja1', row 2: no column 'Clave' (mapped as `key`)" in message
    assert "'Pregunta', 'A', 'B', 'C', 'D'" in message


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (37.5, "General", "37.5"),
        (37.50000001, "0.0", "37.5"),
        (37.5, "0.00", "37.50"),
        (2019.0, "General", "2019"),
        (1234.5, "#,##0.0", "1234.5"),
        (0.375, "0.0%", "37.5%"),
        (7, "000", "007"),
        (2.5, '0.0" mg"', "2.5 mg"),
        (36.5, "0", "37"),
        (1.1 * 3, "General", "3.3"),
        (1 / 3, "General", "0.333333333"),
        (-1.25, "0.0#;[Red]-0.0#", "-1.25"),
        (0.00001, "General", "1e-05"),
        (True, "General", "TRUE"),
    ],
)
def test_cells_come_out_as_excel_shows_them(
    value: object, number_format: str, shown: str, tmp_path: Path
) -> None:
    path = sheet(tmp_path / "t.xlsx", [["question", "answer"], ["¿Cuánto?", value]])
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active["B2"].number_format = number_format
    book.save(path)
    assert items(path, QA)[0].answer == shown


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (datetime.date(1928, 9, 28), "dd/mm/yyyy", "1928-09-28"),
        (datetime.datetime(2024, 5, 3, 14, 30), "yyyy-mm-dd hh:mm", "2024-05-03 14:30"),
    ],
)
def test_whole_dates_are_read_where_a_date_can_stand(
    value: object, number_format: str, shown: str, tmp_path: Path
) -> None:
    path = sheet(tmp_path / "t.xlsx", [["question", "answer", "visto"], ["¿Qué?", "Eso", value]])
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active["C2"].number_format = number_format
    book.save(path)
    assert items(path, QA | {"context": "visto"})[0].context == shown


@pytest.mark.parametrize("number_format", ["d-mmm", "dd/mm/yyyy"])
@pytest.mark.parametrize(("cell", "column"), [("C3", "B"), ("F3", "Clave")])
def test_a_date_that_excel_made_of_an_option_or_key_costs_its_row(
    cell: str, column: str, number_format: str, tmp_path: Path
) -> None:
    rows = [[f"¿{n}?", "1-2", "2-4", "3-5", "7", "A"] for n in range(3)]
    path = sheet(tmp_path / "t.xlsx", [HEADER, *rows])
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active[cell] = datetime.date(2024, 3, 2)
    book.active[cell].number_format = number_format
    book.save(path)
    [bad] = refused(path, MCQ)
    assert (bad.row, bad.reason) == (3, "invalid_record")
    assert bad.excerpt.startswith(f"{cell} ({column!r}) holds the date or time 2024-03-02")
    assert bad.excerpt.endswith("retype it as text")


@pytest.mark.parametrize(
    ("value", "number_format", "told"),
    [
        (datetime.date(2024, 5, 3), "d-mmm", "such as 3-5"),
        (datetime.date(1928, 9, 28), "dd/mm/yyyy", "retype it as text"),
        (datetime.time(1, 2), "h:mm", "or 1:2"),
        ("=A2&A2", "General", "is a formula whose result is not saved"),
        ("#N/A", "General", "holds the error #N/A"),
    ],
)
def test_cells_whose_text_is_lost_are_refused_by_name(
    value: object, number_format: str, told: str, tmp_path: Path
) -> None:
    rows: list[list[Any]] = [["question", "answer"], ["¿Uno?", value], ["¿Dos?", "sí"]]
    path = sheet(tmp_path / "t.xlsx", rows)
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active["B2"].number_format = number_format
    book.save(path)
    [bad] = refused(path, QA)
    assert (bad.row, bad.reason) == (2, "invalid_record")
    assert bad.excerpt.startswith("B2 ('answer')")
    assert told in bad.excerpt


def replace_in_sheet(path: Path, old: str, new: str) -> None:
    with zipfile.ZipFile(path) as book:
        members = {name: book.read(name) for name in book.namelist()}
    name = "xl/worksheets/sheet1.xml"
    assert old.encode() in members[name]
    members[name] = members[name].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as book:
        for member, content in members.items():
            book.writestr(member, content)


@pytest.mark.parametrize(
    ("kind", "saved", "shown"), [("", "37.5", "37.5"), (' t="str"', "0,5 mg", "0,5 mg")]
)
def test_formulas_give_the_result_that_was_saved(
    kind: str, saved: str, shown: str, tmp_path: Path
) -> None:
    path = sheet(tmp_path / "t.xlsx", [["question", "answer"], ["¿Cuánto?", "=A1"]])
    replace_in_sheet(
        path, '<c r="B2"><f>A1</f><v /></c>', f'<c r="B2"{kind}><f>A1</f><v>{saved}</v></c>'
    )
    assert items(path, QA)[0].answer == shown


def test_a_formula_that_gives_no_text_is_an_empty_cell(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", [["question", "answer"], ["¿Cuánto?", "=A1"]])
    replace_in_sheet(path, '<c r="B2"><f>A1</f><v /></c>', '<c r="B2" t="str"><f>A1</f><v></v></c>')
    assert [row.reason for row in refused(path, QA)] == ["empty_answer"]


def test_furigana_is_no_part_of_a_japanese_cell(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", [["question", "answer"], ["肺炎の薬は？", "=A1"]])
    phonetic = '<is><t>抗菌薬</t><rPh sb="0" eb="3"><t>コウキンヤク</t></rPh></is>'
    replace_in_sheet(
        path, '<c r="B2"><f>A1</f><v /></c>', f'<c r="B2" t="inlineStr">{phonetic}</c>'
    )
    assert items(path, QA, language="ja")[0].answer == "抗菌薬"


def test_raised_and_lowered_digits_keep_their_meaning(tmp_path: Path) -> None:
    raised, lowered = InlineFont(vertAlign="superscript"), InlineFont(vertAlign="subscript")
    text = CellRichText("10", TextBlock(raised, "6"), " UFC, CO", TextBlock(lowered, "2"))
    path = sheet(tmp_path / "t.xlsx", [["question", "answer"], ["¿Cuántas?", text]])
    assert items(path, QA)[0].answer == "10⁶ UFC, CO₂"


def test_the_sheet_with_the_columns_is_read_and_two_such_are_asked_about(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", [["Instrucciones"]])
    book = openpyxl.load_workbook(path)
    for title in ("2023", "2024"):
        page = book.create_sheet(title)
        page.append(["question", "answer"])
        page.append([f"¿{title}?", "sí"])
    book.save(path)
    assert "the sheets '2023', '2024' all have the mapped columns" in fault(path, QA)
    assert items(path, QA, sheet=2024)[0].question == "¿2024?"
    assert "the workbook has 'Hoja1', '2023', '2024'" in fault(path, QA, sheet="2025")
    del book["2024"]
    book.save(path)
    assert items(path, QA)[0].question == "¿2023?"


def test_an_empty_sheet_is_told(tmp_path: Path) -> None:
    assert "sheet 'Hoja1': the sheet is empty" in fault(sheet(tmp_path / "t.xlsx", []), QA)


def test_a_row_over_a_merged_question_is_not_asked_twice(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["question", "answer"], ["¿Una?", "sí"], [None, "no"]]
    path = sheet(tmp_path / "t.xlsx", rows)
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active.merge_cells("A2:A3")
    book.save(path)
    [bad] = refused(path, QA)
    assert (bad.row, bad.reason) == (3, "empty_question")


def test_a_declared_header_row_is_obeyed(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["question", "answer"], ["question", "answer"], ["¿Qué?", "Eso"]]
    path = sheet(tmp_path / "t.xlsx", rows)
    assert len(items(path, QA)) == 2
    assert len(items(path, QA, header_row=2)) == 1
    assert "row 3: no column 'question'" in fault(path, QA, header_row=3)


def test_one_cut_json_line_costs_no_other(tmp_path: Path) -> None:
    good = json.dumps({"question": "肺炎？", "answer": "抗生素", "n": 1}, ensure_ascii=False)
    cut = good.encode()[:16]  # within a character
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\n".join([good.encode(), cut, b'{"question": "x', b"", good.encode()]))
    rows = parse(path, QA, language="zh")
    assert [(row.row, type(row).__name__) for row in rows] == [
        (1, "Item"),
        (2, "BadRow"),
        (3, "BadRow"),
        (5, "Item"),
    ]
    cuts = [row.excerpt for row in rows if isinstance(row, BadRow)]
    assert cuts[1] == 'the line is cut off or is not valid JSON: {"question": "x'
    assert cuts[0].startswith("the line is cut off or is not valid JSON: ")


def test_json_lines_in_another_encoding_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"question": "什么？", "answer": "他汀"}\n', "gb18030")
    assert "line 1: the bytes are not utf-8" in fault(path, QA, language="zh")
    assert items(path, QA, language="zh", encoding="gb18030")[0].question == "什么？"


@pytest.mark.parametrize(
    "options",
    [
        ["sí", "no", "quizá"],
        {"A": "sí", "B": "no", "C": "quizá"},
        [
            {"letter": "A", "text": "sí"},
            {"letter": "B", "text": "no"},
            {"letter": "C", "text": "quizá"},
        ],
        {"label": ["A", "B", "C"], "text": ["sí", "no", "quizá"]},
    ],
)
def test_options_as_lists_and_mappings(options: Any, tmp_path: Path) -> None:
    rows = [{"q": "¿Qué?", "o": options, "k": key} for key in ("A", "C", ["A", "B"])]
    path = write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows))
    read = items(path, PACKED)
    assert {row.options for row in read} == {("sí", "no", "quizá")}
    assert indices(read) == [(0,), (2,), (0, 1)]


def test_values_that_are_no_text_are_refused_by_column(tmp_path: Path) -> None:
    text = '{"question": {"es": "¿Qué?"}, "answer": "x"}\n{"question": "\\ud83d", "answer": "x"}\n'
    rows = refused(write(tmp_path / "t.jsonl", text), QA)
    assert [row.reason for row in rows] == ["invalid_record", "invalid_record"]
    assert "column 'question' holds" in rows[0].excerpt


def test_a_column_that_no_json_line_has_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"question": "¿Qué?", "anwser": "Eso"}\n')
    assert "The closest to 'answer' is 'anwser'" in fault(path, QA)


def test_parquet_keeps_lists_and_hides_the_pandas_index(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame(
        {
            "q": ["¿1?", "¿2?", "¿3?"],
            "o": [["sí", "no"], ["sí", "no", None], None],
            "k": [0, 1, 0],
            "dose": pl.Series([37.1, 2.0, None], dtype=pl.Float32),
            "year": [2019.0, float("nan"), 2020.0],
            "__index_level_0__": [5, 6, 7],
        }
    )
    frame.write_parquet(path)
    fields = PACKED | {"context": "dose", "year": "year"}
    first, second, bad = parse(path, fields, key_base="zero")
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.options, first.context, first.year) == (("sí", "no"), "37.1", 2019)
    assert (second.answer_indices, second.context, second.year) == ((1,), "2", None)
    assert isinstance(bad, BadRow)
    assert (bad.row, bad.reason) == (3, "missing_option")
    assert "__index_level_0__" not in fault(path, PACKED | {"topic": "tema"})


@pytest.mark.real
def test_a_real_workbook_of_6811_rows(raw_root: Path) -> None:
    path = raw_root / "zh" / "cmexam_val" / "val.xlsx"
    fields = {"question": "Question", "options": "Options", "key": "Answer"}
    rows = parse(path, fields, language="zh")
    bad = [(row.row, row.reason) for row in rows if isinstance(row, BadRow)]
    assert len(rows) == 6811
    assert bad == [(5358, "invalid_record"), (5598, "key_out_of_range")]
