"""Small invented records in the item schema, and what a stage makes of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from pipeline.frames import ITEM_COLUMNS
from pipeline.keys import text_digest
from pipeline.recipe import Recipe
from pipeline.stages import stage_class
from pipeline.stages.stage import Context, GlobalStage, MapStage, Stage
from schemas.item import LANGUAGES

Row = dict[str, Any]

RECIPE: dict[str, Any] = {"sources": [{"name": "starter"}], "benchmarks": []}


class Sample(NamedTuple):
    """A multiple-choice question of one language, and an open one with its answer."""

    question: str
    options: tuple[str, ...]  # the first one answers
    open_question: str
    answer: str


SAMPLES = {
    "en": Sample(
        "Which electrolyte disturbance most often follows treatment with thiazide diuretics?",
        ("Hyponatraemia", "Hypercalcaemia of malignancy", "Respiratory acidosis", "Ketosis"),
        "What is a hiatus hernia, and when does it cause symptoms?",
        "Part of the stomach slides through the diaphragm into the chest. Most people notice "
        "nothing; heartburn after meals and on lying down is the usual complaint.",
    ),
    "zh": Sample(
        "下列药物中，长期使用最容易引起低钾血症的利尿剂是哪一种？请结合作用部位考虑。",
        ("氢氯噻嗪", "螺内酯", "氨苯蝶啶", "阿米洛利"),
        "什么是食管裂孔疝，什么情况下会出现症状？",
        "部分胃经膈肌的食管裂孔进入胸腔。多数人没有感觉，常见的不适是饭后和平卧时烧心、反酸。",
    ),
    "ja": Sample(
        "サイアザイド系利尿薬の長期投与で最も起こりやすい電解質異常はどれか。",
        ("低ナトリウム血症", "高カリウム血症", "高マグネシウム血症", "高リン血症"),
        "食道裂孔ヘルニアとは何ですか。どのようなときに症状が出ますか。",
        "胃の一部が横隔膜の穴を通って胸のほうへ入り込んだ状態です。多くは無症状で、食後や"
        "横になったときの胸やけが代表的な症状です。",
    ),
    "fr": Sample(
        "Quel trouble ionique survient le plus souvent sous diurétique thiazidique au long cours ?",
        ("Une hyponatrémie", "Une hyperkaliémie", "Une hypermagnésémie", "Une hyperphosphatémie"),
        "Qu’est-ce qu’une hernie hiatale et quand donne-t-elle des symptômes ?",
        "Une partie de l’estomac glisse dans le thorax à travers le diaphragme. La plupart des "
        "gens ne sentent rien ; les brûlures après les repas sont la plainte habituelle.",
    ),
    "ru": Sample(
        "Какое нарушение электролитного обмена чаще всего развивается при лечении тиазидами?",
        ("Гипонатриемия", "Гиперкалиемия", "Гипермагниемия", "Гиперфосфатемия"),
        "Что такое грыжа пищеводного отверстия диафрагмы и когда она себя проявляет?",
        "Часть желудка смещается через диафрагму в грудную полость. Большинство людей ничего не "
        "замечает; обычная жалоба — изжога после еды и в положении лёжа.",
    ),
    "es": Sample(
        "¿Qué alteración electrolítica aparece con más frecuencia al tratar con tiazidas?",
        ("Hiponatremia", "Hiperpotasemia", "Hipermagnesemia", "Hiperfosfatemia"),
        "¿Qué es una hernia de hiato y cuándo da síntomas?",
        "Una parte del estómago pasa al tórax a través del diafragma. La mayoría de las personas "
        "no nota nada; la molestia habitual es el ardor después de las comidas.",
    ),
}
assert set(SAMPLES) == set(LANGUAGES)


def qa(question: str, answer: str, language: str = "en", **changes: Any) -> Row:
    """Return an open train record; its id is a digest of its text unless one is given."""
    return _row(question, answer, (), (), language, changes)


def mcq(
    question: str,
    options: tuple[str, ...],
    keyed: tuple[int, ...] = (0,),
    language: str = "en",
    **changes: Any,
) -> Row:
    """Return a multiple-choice train record."""
    answer = "\n".join(options[index] for index in keyed)
    return _row(question, answer, options, keyed, language, changes)


def sample_mcq(language: str, **changes: Any) -> Row:
    """Return the multiple-choice sample of a language."""
    sample = SAMPLES[language]
    return _row(sample.question, sample.options[0], sample.options, (0,), language, changes)


def sample_qa(language: str, **changes: Any) -> Row:
    """Return the open sample of a language."""
    sample = SAMPLES[language]
    return _row(sample.open_question, sample.answer, (), (), language, changes)


def _row(
    question: str,
    answer: str,
    options: tuple[str, ...],
    keyed: tuple[int, ...],
    language: str,
    changes: dict[str, Any],
) -> Row:
    record_id = changes.get("id", text_digest(language, question, *options, answer))
    texts = dict.fromkeys(("context", "rationale", "topic", "jurisdiction"), "")
    return {
        **dict.fromkeys(ITEM_COLUMNS),
        **texts,
        "id": record_id,
        "root_id": record_id,
        "role": "train",
        "task": "mcq" if options else "qa",
        "form": "exam" if options else "encyclopedia",
        "language": language,
        "question": question,
        "history": [],
        "options": list(options),
        "answer_indices": list(keyed),
        "several_allowed": len(keyed) > 1,
        "answer": answer,
        "source": "ward",
        "source_row": {"file": "ward.jsonl", "row": 1},
        "license": "CC-BY-4.0",
        "redistributable": "yes",
        "egress": "any",
        "origin": "native",
        "steps": [],
        "flags": [],
        **changes,
    }


def frame(*rows: Row) -> pl.DataFrame:
    """Return records as a shard."""
    return pl.DataFrame(list(rows), schema=ITEM_COLUMNS, orient="row")


def flag(name: str, evidence: str = "") -> dict[str, Any]:
    """Return a flag as a record carries it."""
    return {"name": name, "other_id": None, "value": None, "evidence": evidence}


def make(name: str, recipe: dict[str, Any] | None = None, **settings: Any) -> Stage[Any]:
    """Return a stage with these settings under a recipe."""
    cls = stage_class(name)
    wanted = Recipe.model_validate(recipe or RECIPE)
    return cls(cls.Settings.model_validate(settings), wanted)


def run(stage: Stage[Any], *rows: Row) -> tuple[list[Row], dict[str, Row]]:
    """Return what a map stage keeps, in order, and what it drops, by id."""
    assert isinstance(stage, MapStage)
    result = stage.run(frame(*rows))
    assert result.kept.schema == ITEM_COLUMNS
    return result.kept.to_dicts(), {row["id"]: row for row in result.dropped.to_dicts()}


class Decided:
    """What a global stage decided on the rows of some shards."""

    def __init__(self, stage: Stage[Any], *shards: list[Row]) -> None:
        assert isinstance(stage, GlobalStage)
        tables = [frame(*rows) for rows in shards]
        features = pl.concat([stage.features(table) for table in tables])
        whole = pl.concat(tables)
        context = Context(lambda ids: whole.filter(pl.col("id").is_in(ids.implode())).sort("id"))
        found = [stage.pairs(number, features, context) for number in range(stage.partitions)]
        pairs = pl.concat(found) if found else pl.DataFrame()
        self.rows = stage.decide(features, pairs).to_dicts()

    def drops(self) -> dict[str, str]:
        """Return the reason of every drop, by id."""
        return {one["id"]: one["reason"] for one in self.rows if one["decision"] == "drop"}

    def partners(self) -> dict[str, str | None]:
        """Return the id that every drop names as kept or matched, by id."""
        return {one["id"]: one["other_id"] for one in self.rows if one["decision"] == "drop"}

    def flags(self) -> dict[str, set[str]]:
        """Return name and evidence of every flag, by id."""
        found: dict[str, set[str]] = {}
        for one in self.rows:
            if one["decision"] == "flag":
                found.setdefault(one["id"], set()).add(f"{one['reason']}: {one['evidence']}")
        return found

    def groups(self) -> dict[str, str]:
        """Return the group of every row that got one, by id."""
        return {one["id"]: one["group_id"] for one in self.rows if one["group_id"] is not None}

    def splits(self) -> dict[str, str]:
        """Return the split of every row that got one, by id."""
        return {one["id"]: one["split"] for one in self.rows if one["split"] is not None}


def decide(stage: Stage[Any], *rows: Row) -> Decided:
    """Return what a global stage decides on one shard of these rows."""
    return Decided(stage, list(rows))
