"""The open twin of a multiple-choice item: what becomes of labels, and what gives no twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.item import Flag, Item, Language
from sources.explanation import explanation_item
from tests.sources.real import parse_real

ZH = Item(
    file="zh.xlsx",
    row=7,
    key="zh-1",
    split="train",
    task="mcq",
    form="exam",
    language="zh",
    question="男，30岁。进食海鲜后突发皮肤风团、瘙痒2小时。最可能的诊断是",
    options=("急性荨麻疹", "湿疹", "带状疱疹", "银屑病", "丹毒"),
    answer_indices=(0,),
    rationale=(
        "本题考查荨麻疹的诊断。患者进食海鲜后突发风团，应诊断为急性荨麻疹（A对）。"
        "湿疹（B错）多为对称分布的丘疱疹。带状疱疹（C错）沿神经分布。掌握“荨麻疹”知识点。"
    ),
    topic="皮肤科",
    year=2020,
    jurisdiction="CN",
)
EN = Item(
    file="en.jsonl",
    row=3,
    key="en-1",
    split="train",
    task="mcq",
    form="exam",
    language="en",
    question="A woman has wheals after eating shellfish. What is the most likely diagnosis?",
    options=("Acute urticaria", "Eczema", "Shingles", "Psoriasis"),
    answer_indices=(0,),
    rationale=(
        "Ans. A. Acute urticaria. Wheals that come and go within a day after eating shellfish are "
        "urticaria. Option C follows a dermatome and is painful, which does not fit her story."
    ),
)
ES = Item(
    file="es.tsv",
    row=5,
    key="es-1",
    split="train",
    task="mcq",
    form="exam",
    language="es",
    question="Mujer de 30 años con habones tras comer marisco. ¿Cuál es el diagnóstico?",
    options=("Urticaria aguda.", "Eccema.", "Herpes zóster.", "Psoriasis."),
    answer_indices=(0,),
    rationale=(
        "La respuesta correcta es la 1. Los habones que aparecen y desaparecen en horas después de "
        "comer marisco son propios de una urticaria; la opción 3 sigue un dermatoma y duele."
    ),
)
FR = Item(
    file="fr.tsv",
    row=5,
    key="fr-1",
    split="train",
    task="mcq",
    form="exam",
    language="fr",
    question="Une femme a des papules après un repas de crustacés. Quel est le diagnostic ?",
    options=("Urticaire aiguë.", "Eczéma.", "Zona.", "Psoriasis."),
    answer_indices=(0,),
    rationale=(
        "La bonne réponse est la 1. Des papules fugaces après un repas de crustacés évoquent une "
        "urticaire ; la réponse 3 suit un dermatome et fait mal, ce qui n'est pas décrit ici."
    ),
)
JA = Item(
    file="ja.jsonl",
    row=1,
    key="ja-1",
    split="train",
    task="mcq",
    form="exam",
    language="ja",
    question="甲殻類を食べた後に膨疹が出現した。最も考えられる診断は何か。",
    options=("急性蕁麻疹", "湿疹", "帯状疱疹", "乾癬", "丹毒"),
    answer_indices=(0,),
    rationale=(
        "食後に膨疹が出没するのは急性蕁麻疹の特徴である。"
        "選択肢cは神経に沿って痛みを伴う。したがって正解はaである。"
    ),
)
RU = Item(
    file="ru.jsonl",
    row=1,
    key="ru-1",
    split="train",
    task="mcq",
    form="exam",
    language="ru",
    question="У женщины волдыри после употребления креветок. Какой диагноз наиболее вероятен?",
    options=("Острая крапивница", "Экзема", "Опоясывающий лишай", "Псориаз"),
    answer_indices=(0,),
    rationale=(
        "Правильный ответ: 1. Волдыри, которые появляются и исчезают за несколько часов, "
        "характерны для крапивницы, а вариант 3 располагается по ходу нерва и болит."
    ),
)
ITEMS: dict[Language, Item] = {"zh": ZH, "en": EN, "es": ES, "fr": FR, "ja": JA, "ru": RU}


def changed(item: Item, **fields: object) -> Item:
    values = {name: getattr(item, name) for name in Item.__dataclass_fields__}
    return Item(**(values | fields))


def answer(item: Item, **fields: object) -> str | None:
    twin = explanation_item(changed(item, **fields))
    return None if twin is None else twin.answer


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "zh",
            (
                "急性荨麻疹\n\n患者进食海鲜后突发风团，应诊断为急性荨麻疹。"
                "湿疹多为对称分布的丘疱疹。带状疱疹沿神经分布。"
            ),
        ),
        (
            "en",
            (
                "Acute urticaria\n\nWheals that come and go within a day after eating shellfish "
                "are urticaria. “Shingles” follows a dermatome and is painful, which does not fit "
                "her story."
            ),
        ),
        (
            "es",
            (
                "Urticaria aguda.\n\nLos habones que aparecen y desaparecen en horas después de "
                "comer marisco son propios de una urticaria; «Herpes zóster» sigue un dermatoma y "
                "duele."
            ),
        ),
        (
            "fr",
            (
                "Urticaire aiguë.\n\nDes papules fugaces après un repas de crustacés évoquent une "
                "urticaire ; « Zona » suit un dermatome et fait mal, ce qui n'est pas décrit ici."
            ),
        ),
        (
            "ja",
            (
                "急性蕁麻疹\n\n食後に膨疹が出没するのは急性蕁麻疹の特徴である。"
                "「帯状疱疹」は神経に沿って痛みを伴う。"
            ),
        ),
        (
            "ru",
            (
                "Острая крапивница\n\nВолдыри, которые появляются и исчезают за несколько часов, "
                "характерны для крапивницы, а «Опоясывающий лишай» располагается по ходу нерва и "
                "болит."
            ),
        ),
    ],
)
def test_labels_become_option_texts(language: Language, expected: str) -> None:
    assert answer(ITEMS[language]) == expected


def test_twin_keeps_where_it_comes_from() -> None:
    twin = explanation_item(ZH)
    assert twin == changed(
        ZH,
        part="explanation",
        task="qa",
        form="explanation",
        options=(),
        answer_indices=(),
        rationale="",
        answer=answer(ZH),
    )


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("zh", "下列关于荨麻疹的说法，正确的是"),
        ("zh", "以上哪项属于荨麻疹的诱因"),
        ("zh", "荨麻疹的治疗不包括"),
        ("zh", "可引起荨麻疹的食物，除外的是"),
        ("zh", "小肠"),
        ("zh", "该患者最可能的诊断是"),
        ("zh", "最可能的诊断是"),
        ("en", "Which of the following causes wheals?"),
        ("en", "All are causes of wheals except"),
        ("en", "What is not a cause of wheals?"),
        ("en", "True about urticaria is"),
        ("en", "The instrument shown in the picture is used for?"),
        ("es", "¿Cuál de las siguientes causa habones?"),
        ("es", "Señale la causa más frecuente de los habones:"),
        ("es", "¿Qué fármaco NO está indicado en la urticaria?"),
        ("fr", "Parmi ces maladies, laquelle provoque des papules ?"),
        ("fr", "Laquelle des propositions suivantes est exacte ?"),
        ("fr", "Quel traitement n'est pas indiqué ?"),
        ("ja", "膨疹の原因として正しいのはどれか。"),
        ("ru", "Что из перечисленного вызывает волдыри?"),
        ("ru", "Какой препарат не показан при крапивнице?"),
    ],
)
def test_question_that_leans_on_its_options_gives_nothing(
    language: Language, question: str
) -> None:
    assert answer(ITEMS[language], question=question) is None


@pytest.mark.parametrize(
    ("language", "explanation"),
    [
        ("zh", "患者突发风团，应诊断为急性荨麻疹，前三个选项均不难鉴别，需结合病史与查体判断。"),
        ("zh", "患者突发风团，应诊断为急性荨麻疹。B多为对称分布的丘疱疹，与本例患者表现不符。"),
        (
            "en",
            (
                "Wheals after shellfish are urticaria, and the first three options can be excluded "
                "because none of them comes and goes within hours."
            ),
        ),
        (
            "en",
            (
                "Wheals after shellfish are urticaria, whereas (c) follows a dermatome and is very "
                "painful, and all of the above should be remembered."
            ),
        ),
        (
            "es",
            (
                "Los habones tras comer marisco son una urticaria, de modo que la primera opción "
                "es la adecuada y el resto de respuestas se descarta con facilidad."
            ),
        ),
        (
            "es",
            (
                "Los habones tras comer marisco son propios de una urticaria, y 2 es falsa y "
                "3 también es falsa en esta paciente."
            ),
        ),
        (
            "fr",
            (
                "Des papules après un repas de crustacés évoquent une urticaire. 2 n'est pas "
                "possible ici, et 4 n'est pas nécessaire non plus."
            ),
        ),
        ("ja", "食後に膨疹が出没するのは急性蕁麻疹の特徴であり、ｂは対称性に分布する皮疹である。"),
        (
            "ru",
            (
                "Волдыри, которые появляются и исчезают за несколько часов, характерны для "
                "крапивницы, поэтому остальные варианты можно исключить."
            ),
        ),
    ],
)
def test_reference_that_cannot_be_replaced_gives_nothing(
    language: Language, explanation: str
) -> None:
    assert answer(ITEMS[language], rationale=explanation) is None


@pytest.mark.parametrize(
    ("language", "explanation"),
    [
        ("zh", "患者进食海鲜后突发风团，瘙痒明显，应诊断为急性荨麻疹（B对）。湿疹为丘疱疹。"),
        ("zh", "患者进食海鲜后突发风团，瘙痒明显，应诊断为急性荨麻疹。故选C。"),
        ("en", EN.rationale.replace("Ans. A.", "Ans. B.")),
        ("es", ES.rationale.replace("la 1.", "la 2.")),
        ("es", ES.rationale.replace("la opción 3 sigue", "la opción 3 es correcta y sigue")),
        ("fr", FR.rationale.replace("la 1.", "la 2.")),
        ("ja", JA.rationale.replace("正解はa", "正解はb")),
        ("ru", RU.rationale.replace("ответ: 1.", "ответ: 2.")),
    ],
)
def test_explanation_that_contradicts_the_key_gives_nothing(
    language: Language, explanation: str
) -> None:
    assert answer(ITEMS[language], rationale=explanation) is None


@pytest.mark.parametrize(
    ("language", "innocent"),
    [
        ("zh", "维生素A与B族维生素缺乏、B超所见、HLA-B27、DNA、A型肉毒毒素、C反应蛋白均与此无关。"),
        ("en", "Hepatitis B, vitamin C, HLA-B27, DNA, E. coli and B cells have no part in it."),
        ("es", "La vitamina C, la hepatitis B y el HLA-B27 no tienen relación con este cuadro."),
        ("fr", "La vitamine C, l'hépatite B et le HLA-B27 n'ont pas de lien avec ce tableau."),
        ("ja", "ビタミンCやB型肝炎、HLA-B27、DNAはこの病態と関係しない。"),
        ("ru", "Гепатит B, витамин C и HLA-B27 не связаны с этим состоянием."),
    ],
)
def test_letters_that_are_no_labels_stay(language: Language, innocent: str) -> None:
    item = ITEMS[language]
    text = answer(item, rationale=f"{item.rationale} {innocent}")
    assert text is not None
    assert text.endswith(innocent)


def test_several_labels_become_several_options() -> None:
    explanation = "进食海鲜后突发风团为急性荨麻疹的典型表现。选项B、C和D均无风团，病程也更长。"
    text = answer(ZH, rationale=explanation)
    assert text is not None
    assert "“湿疹”、“带状疱疹”、“银屑病”均无风团" in text


def test_rejected_option_that_is_only_repeated_gives_nothing() -> None:
    # Without its verdict the clause would state the wrong option as a fact.
    options = ("占全长的2/5", "占全长的3/5", "位于左下腹", "无肠系膜", "属腹膜外位")
    explanation = "空肠的长度是常考内容。空肠占全长的3/5（B错）。空肠位于左上腹，有肠系膜（A对）。"
    question = "空肠的长度为"
    assert answer(ZH, question=question, options=options, rationale=explanation) is None


@pytest.mark.parametrize(
    "text", ["Postpartum bleeding starts in the heart.", "Postpaum bleeding stas in the hea."]
)
def test_english_text_that_lost_its_rt_gives_nothing(text: str) -> None:
    is_damaged = "hea." in text
    assert (answer(EN, rationale=f"{EN.rationale} {text}") is None) == is_damaged


@pytest.mark.parametrize("name", ["image_dependent", "linked_case", "ambiguous_key"])
def test_flagged_item_gives_nothing(name: str) -> None:
    assert answer(EN, flags=(Flag(name),)) is None


@pytest.mark.parametrize("indices", [(), (0, 1), (9,)])
def test_item_without_exactly_one_key_gives_nothing(indices: tuple[int, ...]) -> None:
    assert answer(EN, answer_indices=indices) is None


@pytest.mark.parametrize(
    ("language", "option"),
    [
        ("zh", "以上都是"),
        ("en", "All of the above"),
        ("en", "Both a and b"),
        ("es", "Todas las anteriores"),
        ("fr", "Aucune des propositions"),
        ("ru", "Всё перечисленное"),
        ("ja", "すべて"),
    ],
)
def test_keyed_option_about_options_gives_nothing(language: Language, option: str) -> None:
    item = ITEMS[language]
    assert answer(item, options=(option, *item.options[1:])) is None


@pytest.mark.parametrize("language", ITEMS)
def test_item_without_explanation_gives_nothing(language: Language) -> None:
    assert answer(ITEMS[language], rationale=" ") is None


# How each language names an option by its label.
NAMED = {
    "en": ("Option {}", r"\b[Oo]ption [A-E1-5]\b"),
    "zh": ("选项{}", r"选项|(?<![A-Za-z0-9])[A-E][对错]"),
    "ja": ("選択肢{}", r"選択肢\s*[A-Ea-e1-5]"),
    "fr": ("La réponse {}", r"\br[ée]ponse [A-E1-5]\b"),
    "ru": ("Вариант {}", r"\b[Вв]ариант [A-E1-5]\b"),
    "es": ("La opción {}", r"\bopción [A-E1-5]\b"),
}


@pytest.mark.parametrize("language", ITEMS)
@given(
    label=st.sampled_from("ABCDE12345"), noise=st.text(alphabet="对错（）()、，。., ", max_size=20)
)
def test_no_option_named_by_its_label_survives(language: Language, label: str, noise: str) -> None:
    item = ITEMS[language]
    form, pattern = NAMED[language]
    named = form.format(label)
    assert re.search(pattern, named)
    text = answer(item, rationale=f"{item.rationale} {named}{noise}")
    assert text is None or re.search(pattern, text) is None


@given(st.sampled_from(sorted(ITEMS)), st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_twin_or_none(language: Language, question: str, text: str) -> None:
    twin = explanation_item(changed(ITEMS[language], question=question, rationale=text))
    assert twin is None or (twin.part, twin.options, twin.rationale) == ("explanation", (), "")


@pytest.mark.real
@pytest.mark.parametrize("source", ["cmexam", "casimedicos"])
def test_real_twins_name_no_option_by_its_label(raw_root: Path, source: str) -> None:
    label = {
        "zh": r"[（(][A-E]+[对错]|[A-E][对错]|选项|答案",
        "en": r"\b(?:option|answer|question)s?\b",
        "es": r"\b(?:opción [1-5]|pregunta)",
        "fr": r"\b(?:option|question)\b",
    }
    rows = [row for row in parse_real(source, raw_root) if isinstance(row, Item)]
    twins = [row for row in rows if row.part == "explanation"]
    assert twins
    for twin in twins:
        explanation = twin.answer.split("\n\n", 1)[1]
        assert re.search(label[twin.language], explanation) is None, (twin.file, twin.row)
