"""MedQuAD: its refusal rules on an invented archive, and the real archive's counts."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from schemas.item import BadRow, Item
from sources.medquad import SOURCE, parse
from tests.sources.real import counts, parse_real

PROSE = (
    "Hives are raised, itchy patches of skin. They come from histamine, which makes small "
    "vessels leak, and most of them are gone within a day."
)

LINKS = (
    "These resources address the diagnosis or management of hives: - Gene Review: Hives "
    "- Registry: Hives - Surgery and Rehabilitation - Palliative Care"
)
PHENOTYPES = (
    "What are the signs? Signs and Symptoms Approximate number of patients (when available) "
    "Fever 90% Rash 50% Pruritus 7.5% Abnormality of the skin -"
)


def document(focus: str, *pairs: tuple[str, str]) -> str:
    rows = "".join(
        f'<QAPair pid="{number}"><Question qid="1-{number}" qtype="information">{escape(question)}'
        f"</Question><Answer>{escape(answer)}</Answer></QAPair>"
        for number, (question, answer) in enumerate(pairs, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document id="1" source="TEST">'
        f"<Focus>{escape(focus)}</Focus><QAPairs>{rows}</QAPairs></Document>"
    )


def archive(tmp_path: Path, members: dict[str, str]) -> Path:
    path = tmp_path / "medquad_xml.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members.items():
            content = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def parse_documents(tmp_path: Path, *documents: str) -> list[Item | BadRow]:
    members = {f"1_Test_QA/{number:07}.xml": text for number, text in enumerate(documents)}
    return list(parse({"all": [archive(tmp_path, members)]}))


def parse_answer(tmp_path: Path, answer: str) -> Item | BadRow:
    (row,) = parse_documents(tmp_path, document("Hives", ("What is (are) Hives ?", answer)))
    return row


def reasons(rows: list[Item | BadRow]) -> Counter[str]:
    return Counter(row.reason for row in rows if isinstance(row, BadRow))


def test_pair_becomes_an_open_item_about_its_focus(tmp_path: Path) -> None:
    item = parse_answer(tmp_path, PROSE)
    assert isinstance(item, Item)
    assert (item.question, item.answer) == ("What is (are) Hives ?", PROSE)
    assert (item.topic, item.jurisdiction) == ("Hives", "")
    assert item.file.endswith("medquad_xml.tar.gz!1_Test_QA/0000000.xml")


def test_entities_are_decoded_and_indentation_is_removed(tmp_path: Path) -> None:
    item = parse_answer(tmp_path, f"\n\t  {PROSE}\n\t\n\n\t  Tom's pain & <5% risk.\n\t")
    assert isinstance(item, Item)
    assert item.answer == f"{PROSE}\n\nTom's pain & <5% risk."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty_answer"),
        (LINKS, "list_without_answer"),
        (PHENOTYPES, "list_without_answer"),
        ("Hives are itchy.", "answer_length"),
        ("itch " * 401, "answer_length"),
    ],
)
def test_answer_that_teaches_nothing_is_refused(tmp_path: Path, answer: str, reason: str) -> None:
    row = parse_answer(tmp_path, answer)
    assert isinstance(row, BadRow)
    assert row.reason == reason


def test_link_list_is_refused_with_either_opening(tmp_path: Path) -> None:
    row = parse_answer(tmp_path, "These resources from MedlinePlus offer information. " * 5)
    assert isinstance(row, BadRow)
    assert row.reason == "list_without_answer"


@pytest.mark.parametrize(("num_questions", "num_refused"), [(3, 0), (4, 4)])
def test_answer_repeated_more_than_three_times_is_refused(
    tmp_path: Path, num_questions: int, num_refused: int
) -> None:
    documents = [
        document(f"Disease {number}", (f"Is Disease {number} inherited ?", PROSE))
        for number in range(num_questions)
    ]
    assert reasons(parse_documents(tmp_path, *documents))["shared_paragraph"] == num_refused


def test_three_questions_of_a_focus_remain_whatever_its_case_and_file(tmp_path: Path) -> None:
    first = document("Hives", *[(f"Question {n}?", f"{PROSE} ({n})") for n in range(3)])
    second = document("hives", *[(f"Question {n}?", f"{PROSE} ({n})") for n in range(3, 6)])
    rows = parse_documents(tmp_path, first, second)
    assert sum(isinstance(row, Item) for row in rows) == 3
    assert reasons(rows) == {"over_focus_limit": 3}


def test_choice_within_a_focus_does_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    members = {
        f"1_Test_QA/{number:07}.xml": document("Hives", ("What?", f"{PROSE} ({number})"))
        for number in range(8)
    }
    forward = parse({"all": [archive(tmp_path, members)]})
    kept = {row.key for row in forward if isinstance(row, Item)}
    backward = parse({"all": [archive(tmp_path, dict(reversed(members.items())))]})
    assert {row.key for row in backward if isinstance(row, Item)} == kept


def test_template_question_without_focus_is_refused(tmp_path: Path) -> None:
    pairs = ("What is (are)  ?", PROSE), ("what are hives?", f"{PROSE} They itch.")
    bad, good = parse_documents(tmp_path, document("", *pairs))
    assert isinstance(bad, BadRow)
    assert bad.reason == "missing_field"
    assert isinstance(good, Item)


@pytest.mark.parametrize(
    ("sentence", "jurisdiction"),
    [
        ("Ask the National Institutes of Health.", "US"),
        ("Visit www.cdc.gov for more.", "US"),
        ("The American Heart Association advises walking.", "US"),
        ("Mutations in the CDC73 gene are rare.", ""),
        ("It was first seen in American children.", ""),
    ],
)
def test_us_institution_sets_the_jurisdiction(
    tmp_path: Path, sentence: str, jurisdiction: str
) -> None:
    item = parse_answer(tmp_path, f"{PROSE} {sentence}")
    assert isinstance(item, Item)
    assert item.jurisdiction == jurisdiction


def test_top_folder_of_an_archive_is_no_part_of_the_key(tmp_path: Path) -> None:
    text = document("Hives", ("What is (are) Hives ?", PROSE))
    (plain,) = parse({"all": [archive(tmp_path, {"1_Test_QA/1.xml": text})]})
    (nested,) = parse({"all": [archive(tmp_path, {"MedQuAD-0123abc/1_Test_QA/1.xml": text})]})
    assert isinstance(plain, Item)
    assert isinstance(nested, Item)
    assert plain.key == nested.key


def test_broken_document_does_not_cost_its_neighbours(tmp_path: Path) -> None:
    good = document("Hives", ("What is (are) Hives ?", PROSE))
    bad, item = parse_documents(tmp_path, "<Document><Focus>Hives", good)
    assert isinstance(bad, BadRow)
    assert bad.reason == "invalid_record"
    assert isinstance(item, Item)


def test_one_percent_is_held_out(tmp_path: Path) -> None:
    documents = [document(f"Disease {n}", ("What?", f"{PROSE} {n}")) for n in range(2000)]
    splits = Counter(
        row.split for row in parse_documents(tmp_path, *documents) if isinstance(row, Item)
    )
    assert splits.total() == 2000
    assert 5 <= splits["validation"] <= 40


@pytest.mark.real
def test_real_archive(raw_root: Path) -> None:
    rows = parse_real("medquad", raw_root)
    assert len(rows) == 47_441
    assert counts("medquad", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert sum(item.jurisdiction == "US" for item in items) == 884
    assert max(Counter(item.topic.casefold() for item in items if item.topic).values()) == 3
