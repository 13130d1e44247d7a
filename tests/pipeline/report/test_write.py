from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.build import build
from pipeline.errors import InputError
from pipeline.frames import polars_schema
from pipeline.recipe import load_recipe
from pipeline.release.write import checksums, folder_digest
from pipeline.report import write_report
from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import LEDGER, REASONS
from schemas.release import SPLITS
from tests.pipeline.report.pages import PageReader, read

STAGES = ("ingest", "select", "deduplicate", "split", "emit")
EVIDENCE = {
    "en": "Which nerve is compressed in carpal tunnel syndrome?",
    "zh": "高血压病人应首选哪种药物?",
    "ja": "糖尿病の合併症はどれか。",
    "fr": "Quelle artère irrigue le cœur ?",
    "ru": "Какой гормон снижает уровень глюкозы?",
    "es": "¿Qué vitamina falta en el escorbuto?",
    "": "{'qid': 7, 'question': ",
}
HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} &amp; </p>")

Manifest = dict[str, Any]


def write_build(out: Path, drops: list[dict[str, Any]], published: dict[str, int]) -> Manifest:
    """Write a manifest and a ledger: each language's published rows, and the rows dropped."""
    lost = Counter((d["stage"], d["source"], d["language"], d["reason"]) for d in drops)
    left = {("alpha", language): rows for language, rows in published.items()}
    keys = sorted({*left, *((source, language) for _, source, language, _ in lost)})
    counts: dict[str, list[dict[str, Any]]] = {}
    for stage in reversed(STAGES):
        counts[stage] = []
        for source, language in keys:
            own = {
                r: n for (s, *key, r), n in lost.items() if (s, *key) == (stage, source, language)
            }
            kept = left.get((source, language), 0)
            # One row in each language is made at `select`, of a row read before.
            added = 1 if stage == "select" and source == "alpha" and language else 0
            rows_in = kept + sum(own.values()) - added
            left[source, language] = rows_in
            counts[stage].append(
                {
                    "source": source,
                    "language": language,
                    "rows_in": rows_in,
                    "rows_added": added,
                    "rows_kept": kept,
                    "dropped": own,
                }
            )
    manifest = {
        "recipe": {
            "release": {"name": "mmed-ift-test", "version": "0.1.0"},
            "licenses": "research",
            "stages": [{"stage": stage, "instance": stage} for stage in STAGES],
        },
        "versions": {"python": "3.11.9", "mmed-ift": "0.1.0"},
        "sources": {"alpha": {"alpha/train.jsonl": "ab" * 32}},
        "missing": {"mediqal": "fr/mediqal.csv"},
        "benchmarks": {"checked": ["beta"], "missing": ["mediqal"]},
        "stages": [{"name": stage} for stage in STAGES],
        "tables": {
            stage: {"kept": [], "dropped": [f"{stage}/dropped.parquet"]} for stage in STAGES
        },
        "counts": counts,
        "unfinished": {},
        "release": {
            f"mmed_ift.{code}": {"train": rows} for code, rows in published.items() if code
        },
        "release_digest": "cd" * 32,
        "seconds": {"total": 1.5},
    }
    save_manifest(out, manifest)
    table = pl.DataFrame(drops, schema=polars_schema(LEDGER))
    table.write_parquet(out / "ledger.parquet")
    return manifest


def store_questions(out: Path, questions: dict[str, str], stage: str = "ingest") -> None:
    """Write dropped rows of a stage into the store: their questions by id."""
    (out / "store" / stage).mkdir(parents=True)
    rows = pl.DataFrame({"id": list(questions), "question": list(questions.values())})
    rows.write_parquet(out / "store" / stage / "dropped.parquet")


def save_manifest(out: Path, manifest: Manifest) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
    (out / "manifest.json").write_text(text, encoding="utf-8")


def drop(number: int, language: str, reason: str, stage: str = "ingest", **other: Any) -> Any:
    row = {
        "stage": stage,
        "id": f"{number:032x}",
        "source": "alpha",
        "file": "alpha/train.jsonl",
        "row": number,
        "language": language,
        "reason": reason,
        "evidence": EVIDENCE[language],
        "value": None,
        "threshold": None,
        "kept_instead": None,
    }
    return row | other


def six_languages() -> list[dict[str, Any]]:
    """Return drops of several reasons, stages and sources in every language, and one unreadable."""
    drops = []
    for place, code in enumerate(LANGUAGES):
        start = 1000 * place
        drops += [drop(start + n, code, "no_key") for n in range(place + 7)]
        drops += [drop(start + 100 + n, code, "no_key", source="beta.exam") for n in range(2)]
        drops.append(drop(start + 200, code, "near_duplicate", "deduplicate", value=0.91234))
        drops += [
            drop(start + 300 + n, code, "role_benchmark", "split", source="beta.exam", evidence="")
            for n in range(3)
        ]
    return [*drops, drop(9000, "", "invalid_record")]


PUBLISHED = {"en": 1200, "zh": 900, "ja": 40, "fr": 30, "ru": 20, "es": 10}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_build(tmp_path, six_languages(), PUBLISHED)
    return tmp_path


def flow(counts: list[dict[str, Any]]) -> list[int]:
    """Return rows kept, in, added, dropped, set aside: the order of the page's columns."""
    lost: Counter[str] = Counter()
    for one in counts:
        lost.update(one["dropped"])
    aside = sum(rows for reason, rows in lost.items() if reason.startswith("role_"))
    rows_in, added, kept = (
        sum(one[name] for one in counts) for name in ("rows_in", "rows_added", "rows_kept")
    )
    return [kept, rows_in, added, lost.total() - aside, aside]


def assert_page_equals_manifest(page: PageReader, manifest: Manifest) -> None:
    """Assert that every number of every table is the manifest's."""
    stages = [stage["name"] for stage in manifest["stages"]]
    every = [one for stage in stages for one in manifest["counts"][stage]]
    for code in {one["language"] for one in every}:
        anchor = code or "unknown"
        per_stage = {
            stage: flow([c for c in manifest["counts"][stage] if c["language"] == code])
            for stage in stages
        }
        assert page.numbers(f"{anchor}-stages") == per_stage
        assert list(page.numbers(f"{anchor}-stages")) == stages
        for source, shown in page.numbers(f"{anchor}-sources").items():
            own = {
                stage: flow(
                    [
                        c
                        for c in manifest["counts"][stage]
                        if (c["language"], c["source"]) == (code, source)
                    ]
                )
                for stage in stages
            }
            lost = [sum(column) for column in zip(*own.values(), strict=True)]
            first, last = own[stages[0]], own[stages[-1]]
            assert shown == [last[0], first[1], *lost[2:], first[0]]
            assert shown[0] == shown[1] + shown[2] - shown[3] - shown[4]
        assert_matrix_equals_manifest(page, manifest, code)
        if code:
            published = page.numbers(f"{code}-published")
            for subset, title in (("mmed_ift", "MMed-IFT"), ("mmed_ift_mc", "MMed-IFT-MC")):
                rows = manifest["release"].get(f"{subset}.{code}", {})
                expected = [rows.get(split, 0) for split in SPLITS]
                assert published[title] == [sum(expected), *expected]


def assert_matrix_equals_manifest(page: PageReader, manifest: Manifest, code: str) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for stage, counts in manifest["counts"].items():
        for one in counts:
            if one["language"] == code:
                expected.update({(r, stage): n for r, n in one["dropped"].items()})
    if not expected:
        assert f"{code}-matrix" not in page.tables
        return
    stages = page.tables[f"{code or 'unknown'}-matrix"][0][2:]
    shown = page.numbers(f"{code or 'unknown'}-matrix")
    totals = shown.pop("All")
    assert totals[0] == expected.total()
    cells = {
        (reason, stage): rows
        for reason, row in shown.items()
        for stage, rows in zip(stages, row[1:], strict=True)
        if rows
    }
    assert cells == dict(expected)
    assert all(row[0] == sum(row[1:]) for row in (*shown.values(), totals))


def test_every_number_on_the_page_is_the_manifests(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_bytes())
    page = read(write_report(out))
    assert_page_equals_manifest(page, manifest)
    assert page.numbers("languages")["Chinese"][0] == 900
    assert page.numbers("languages")["All"][0] == sum(PUBLISHED.values())


def test_the_demo_build_and_its_page_agree(tmp_path: Path) -> None:
    built = build(load_recipe("demo.yaml"), tmp_path / "raw", tmp_path / "out", workers=1)
    page = read(write_report(tmp_path / "out"))
    assert_page_equals_manifest(page, json.loads(json.dumps(built.manifest)))
    assert {*LANGUAGES} <= {attrs.get("id") for tag, attrs in page.elements if tag == "h2"}


def test_forms_and_flags_are_counted_from_the_release_of_the_same_build(out: Path) -> None:
    release = out / "release"
    forms = {"train": ["exam", "exam", "reading"], "test": ["exam"]}
    flags = {
        "train": [["near_duplicate"], ["capped_bucket", "near_duplicate"], []],
        "test": [["mixed_language", "near_duplicate"]],
    }
    for split, values in forms.items():
        folder = release / "mmed_ift_mc" / "fr"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{split}-00000-of-00001.parquet"
        pl.DataFrame({"form": values, "flags": flags[split]}).write_parquet(path)
    (release / "checksums.txt").write_text(checksums(release), encoding="utf-8")
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["release"]["mmed_ift_mc.fr"] = {"train": 3, "test": 1}
    save_manifest(out, manifest | {"release_digest": folder_digest(release)})
    page = read(write_report(out))
    published = page.numbers("fr-published")
    assert published["MMed-IFT-MC"] == [4, 3, 0, 1]
    assert published["exam"] == [3, 2, 0, 1]
    assert published["reading"] == [1, 1, 0, 0]
    names = {"near_duplicate": 3, "capped_bucket": 1, "mixed_language": 1}
    rows = [[name, str(count), FLAGS[name]] for name, count in names.items()]
    assert page.tables["fr-flags"][1:] == rows
    assert "en-flags" not in page.tables


def test_forms_and_flags_of_another_build_are_left_out(out: Path) -> None:
    (out / "release").mkdir()
    (out / "release" / "checksums.txt").write_text("00  other\n", encoding="utf-8")
    page = read(write_report(out))
    assert set(page.numbers("fr-published")) == {"MMed-IFT", "MMed-IFT-MC"}
    assert "fr-flags" not in page.tables
    assert (
        "Forms and flags are not listed: the release of this build is not beside the report."
        in (page.of_class("note"))
    )


def test_text_of_records_is_never_markup(tmp_path: Path) -> None:
    drops = [
        drop(n, "zh", "invalid_record", evidence=text, file=text, source=text)
        for n, text in enumerate(HOSTILE)
    ]
    manifest = write_build(tmp_path, drops, {"zh": 3})
    manifest["recipe"]["release"]["name"] = HOSTILE[0]
    manifest["missing"] = {HOSTILE[1]: HOSTILE[0]}
    manifest["sources"] = {HOSTILE[0]: {HOSTILE[1]: HOSTILE[2]}}
    save_manifest(tmp_path, manifest)
    page = read(write_report(tmp_path))
    assert not {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "form"}
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert sorted(page.of_class("evidence")) == sorted(HOSTILE)


def test_the_page_needs_nothing_from_outside(out: Path) -> None:
    path = write_report(out)
    html, page = path.read_text(encoding="utf-8"), read(path)
    assert "://" not in html
    assert not re.search(r"url\(|@import", html)
    assert not [tag for tag, attrs in page.elements if tag == "link" or "src" in attrs]


def test_every_link_leads_to_one_place_on_the_page(out: Path) -> None:
    page = read(write_report(out))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    links = [attrs["href"] or "" for tag, attrs in page.elements if tag == "a"]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_the_same_build_gives_the_same_bytes_whatever_its_time(out: Path) -> None:
    first = write_report(out).read_bytes()
    manifest = json.loads((out / "manifest.json").read_bytes())
    save_manifest(out, manifest | {"seconds": {"total": 99.0}})
    shuffled = pl.read_parquet(out / "ledger.parquet").sample(fraction=1, shuffle=True, seed=1)
    shuffled.write_parquet(out / "ledger.parquet")
    assert write_report(out).read_bytes() == first


@pytest.mark.parametrize("code", [*LANGUAGES, ""])
def test_examples_carry_their_language_and_are_at_most_five_per_reason(
    out: Path, code: str
) -> None:
    html = write_report(out).read_text(encoding="utf-8")
    shown = re.findall(rf'<p class="evidence" lang="{code}" dir="auto">(.+)</p>', html)
    assert len(shown) == (6 if code else 1)  # no_key: five of at least nine; near_duplicate: one
    assert all(REASONS[reason] in html for reason in ("no_key", "near_duplicate"))


def test_an_example_tells_measure_limit_and_the_row_kept_instead(tmp_path: Path) -> None:
    row = drop(
        7,
        "ja",
        "near_duplicate",
        "deduplicate",
        value=0.912345,
        threshold=0.8,
        kept_instead="f" * 32,
    )
    write_build(tmp_path, [row], {"ja": 3})
    (place,) = read(write_report(tmp_path)).of_class("place")
    assert "alpha/train.jsonl, row 7, in deduplicate; measured 0.9123; limit 0.8" in place
    assert f"kept or matched: {'f' * 32}" in place


def test_one_dropped_row_among_many_is_still_drawn(tmp_path: Path) -> None:
    write_build(tmp_path, [drop(1, "en", "no_key")], {"en": 100_000})
    page = read(write_report(tmp_path))
    bars = [attrs for tag, attrs in page.elements if tag == "rect"]
    dropped = [bar for bar in bars if bar["class"] == "dropped"]
    assert dropped
    assert all(float(bar["width"] or 0) > 0.5 for bar in dropped)
    assert all(float(bar["x"] or 0) + float(bar["width"] or 0) <= 100 for bar in bars)


def test_notices_name_what_a_reviewer_looks_at_first(tmp_path: Path) -> None:
    drops = [drop(n, "ru", "no_key") for n in range(9)]
    write_build(tmp_path, drops, {"ru": 3})
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "alpha lost 75,0\u00a0% of its rows for training." in html
    assert "No row of MMed-IFT-MC is published." in html
    assert "No benchmark in this language was at hand to check against." in html
    assert "Not checked, because the files were not at hand: mediqal." in html
    assert "No rows were read in English, Chinese, Japanese, French, Spanish." in html


def test_a_build_that_meets_every_reason_in_six_languages_stays_small(
    tmp_path: Path,
) -> None:
    drops = [
        drop(
            10_000 * i + 100 * j + n,
            code,
            reason,
            source=f"source_{j % 12}.part",
            evidence=EVIDENCE["ja"] * 20,
        )
        for i, code in enumerate(LANGUAGES)
        for j, reason in enumerate(REASONS)
        for n in range(8)
    ]
    # Five examples in each of six languages; no build meets them all.
    limit = 24_000 * len(REASONS)
    write_build(tmp_path, drops, dict.fromkeys(LANGUAGES, 22_000))
    assert write_report(tmp_path).stat().st_size < limit
    store_questions(tmp_path, {row["id"]: EVIDENCE["zh"] * 20 for row in drops})
    assert write_report(tmp_path).stat().st_size < limit


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_example_shows_the_question_masked_beside_other_evidence(
    tmp_path: Path, code: str
) -> None:
    row = drop(1, code, "key_out_of_range", evidence="[5] of 4 options")
    write_build(tmp_path, [row], {code: 3})
    store_questions(tmp_path, {row["id"]: f"{EVIDENCE[code]}\nnurse@ward.example.org"})
    page = read(write_report(tmp_path))
    assert page.of_class("question") == [f"{EVIDENCE[code]} [EMAIL]"]
    assert page.of_class("evidence") == ["[5] of 4 options"]


def test_evidence_that_is_the_question_is_shown_once(tmp_path: Path) -> None:
    row = drop(1, "fr", "no_key")
    write_build(tmp_path, [row], {"fr": 3})
    store_questions(tmp_path, {row["id"]: EVIDENCE["fr"] + " Une seule réponse."})
    page = read(write_report(tmp_path))
    assert page.of_class("question") == [EVIDENCE["fr"] + " Une seule réponse."]
    assert page.of_class("evidence") == []


@pytest.mark.parametrize(
    "reason", ["role_benchmark", "benchmark_question", "benchmark_run", "validation_similar"]
)
def test_the_text_of_a_benchmark_item_is_not_shown(tmp_path: Path, reason: str) -> None:
    row = drop(1, "es", reason, "split", kept_instead="f" * 32)
    write_build(tmp_path, [row], {"es": 3})
    store_questions(tmp_path, {row["id"]: EVIDENCE["es"]}, "split")
    assert EVIDENCE["es"] not in write_report(tmp_path).read_text(encoding="utf-8")


def test_a_link_to_a_reason_leads_inside_its_details_which_opens_them(out: Path) -> None:
    page = read(write_report(out))
    [place] = [n for n, (_, attrs) in enumerate(page.elements) if attrs.get("id") == "ja-no_key"]
    opened = [tag for tag, _ in page.elements[:place] if tag in ("details", "summary")]
    assert opened[-2:] == ["details", "summary"]
    assert page.elements[place][0] == "ul"


def test_a_folder_without_a_build_is_told_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.cli", "report", "--out", str(tmp_path / "none")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"mmed: {tmp_path / 'none'}: no finished build here. Run `mmed build` first.\n"
    )


def test_a_ledger_of_another_build_is_refused(out: Path) -> None:
    pl.read_parquet(out / "ledger.parquet").head(3).write_parquet(out / "ledger.parquet")
    with pytest.raises(InputError, match="different builds"):
        write_report(out)


def test_a_report_folder_that_cannot_be_made_is_told_in_one_line(out: Path) -> None:
    (out / "report").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"index\.html: cannot be written"):
        write_report(out)
