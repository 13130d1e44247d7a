from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import defects
from pipeline.text.defects import (
    MIN_REPETITION_CHARACTERS,
    SUSPECTS,
    bare_list,
    boilerplate,
    citation,
    cut_off,
    markup,
    mojibake,
    repeated_ngrams,
    repeated_paragraph,
    urls,
)
from schemas.item import LANGUAGES, Language

# A sentence of each language without any defect, and another one.
CLEAN: dict[Language, str] = {
    "en": "Give 5 mg twice a day if the platelet count is < 50 and the fever lasts (see [1]).",
    "zh": "血小板<50×10⁹/L时每日两次，每次5 mg（A错，B对），并复查肝功能[1]。",
    "ja": "血小板数が5万/μL未満のときは、1回5 mgを1日2回投与する（文献[1]では3日間）。",
    "fr": "À l’hôpital, l’œdème pulmonaire aigu — même « léger » — exige 40 mg de furosémide.",
    "ru": "При витамине В₁₂ ниже 150 пг/мл вводят 1 мг в сутки; ещё раз — через неделю (№ 7).",
    "es": "¿Cuál es la dosis? El niño pequeño recibió 10 µg/kg a 36 °C según el 2.º protocolo.",
}
OTHER: dict[Language, str] = {
    "en": "The second drug is kept for people whose kidneys can no longer clear the first one.",
    "zh": "第二种药物只用于肾脏已经不能清除第一种药物的人群，用药期间需要定期监测血钾。",
    "ja": "二つめの薬は、腎臓が一つめの薬を排泄できなくなった患者に限って使うことになっている。",
    "fr": "Le second médicament est réservé aux personnes dont le rein n’élimine plus le premier.",
    "ru": "Второе средство оставляют для людей, почки которых не могут выводить первое из крови.",
    "es": "El segundo fármaco se reserva a las personas cuyos riñones ya no eliminan el primero.",
}


def garbled(text: str, encoding: str) -> str:
    return text.encode().decode(encoding, errors="replace")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*SUSPECTS, "repeated_ngrams", "repeated_paragraph"])
def test_a_clean_text_has_no_defect(name: str, language: Language) -> None:
    score = getattr(defects, name)
    assert score(CLEAN[language], language) == 0
    assert score(f"{CLEAN[language]}\n{OTHER[language]}", language) == 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", garbled("the patient’s diet", "cp1252")),
        ("en", "the patientâ\u0080\u0099s diet"),
        ("en", "10 Âµg at 37 Â°C"),
        ("en", "8 \uf06dg of iron"),
        ("zh", "服药后锟斤拷复查"),
        ("zh", garbled("血糖偏高", "latin-1")),
        ("zh", garbled("您好，请复查。", "gbk")),
        ("ja", garbled("血糖値が高い", "cp932")),
        ("ja", "投与\ufffd\ufffdする"),
        ("fr", garbled("œdème à traiter", "cp1252")),
        ("fr", "la maladie de Crohn est trait\u0082e"),
        ("ru", garbled("Принимайте", "cp1251")),
        ("ru", garbled("боль", "cp1252")),
        ("es", garbled("niño pequeño", "latin-1")),
        ("es", garbled("niño", "cp1251")),
    ],
)
def test_mojibake_is_found(language: Language, text: str) -> None:
    assert mojibake(text, language) > 0


@pytest.mark.parametrize(
    "text",
    [
        "São Paulo, AMANHÃ, Câmara, coração, Ângela, «NÃO»",
        "Nguyễn Thị Hồng Ánh bị bệnh tiểu đường đã ba năm",
        "«COMPTÉ», L’ÂGE, ÎLE, NAÏVE, forêt, château : “café”…",
        "α-фетопротеин ≥ 10 нг/мл, β₂, ±0,5 °C, Ω, № 3, ½, →, ♀",
        "El AÑO que viene, la «Ñ», ¿qué?¿cómo?",
        "РСФСР, СССР, ёж, Её, съёмка, «Рёбра»…",
        "もつれ、縺れる、髄膜炎、ﾍﾞｰﾀ",
    ],
)
@pytest.mark.parametrize("language", ["es"])
def test_letters_and_signs_of_real_words_are_not_mojibake(text: str, language: Language) -> None:
    assert mojibake(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text", "num_remains"),
    [
        ("en", "Take <b>one</b> tablet.<br/>Rest.", 3),
        ("en", "p&nbsp;&lt; 0.05 &amp; stable", 3),
        ("en", "## Causes\n**Gout** is common.", 2),
        ("en", "See [the leaflet](https://example.org/a).", 1),
        ("zh", r"血肌酐 $\mu$mol/L，$K^{+}$ 升高", 2),
        ("zh", "乙肝表面抗原[[1]]阳性", 1),
        ("ja", "体温は{{name}}度<br>である", 2),
        ("fr", "L&#8217;angine et l&eacute;sion", 2),
        ("ru", "<p>Боль в груди</p>", 2),
        ("es", r"La fracción es \frac{1}{2}", 1),
    ],
)
def test_markup_remains_are_counted(language: Language, text: str, num_remains: int) -> None:
    assert markup(text, language) == num_remains


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "p < 0.05 and BMI >30; a dose of <5 mg",
        "A&E, H&E; R&D and [1]",
        "{Co(NH3)6}3+ --> Co2+; A -> B; 5 * 3 ** 2",
        "# 1 高血圧\n# 2 糖尿病",
        r"mg\ml, и\или",
    ],
)
def test_signs_of_medicine_are_not_markup(text: str, language: Language) -> None:
    assert markup(text, language) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_is_pasted_twice_repeats_half_of_itself(language: Language) -> None:
    once = f"{CLEAN[language]} {OTHER[language]}"
    assert repeated_ngrams(f"{once} {once} {once}", language) > 0.6
    assert repeated_ngrams(once, language) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_enumeration_that_shares_its_frame_repeats_nothing(language: Language) -> None:
    frame = {"zh": "第{}次接种在出生后第{}个月。", "ja": "{}回目の接種は生後{}か月に行う。"}
    line = frame.get(language, "vaccine {} month {} ")
    enumeration = "".join(line.format(f"no{i * 7}a", f"{i * 13}b") for i in range(1, 12))
    assert repeated_ngrams(enumeration, language) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_that_comes_again_is_counted_each_time(language: Language) -> None:
    clean, other = CLEAN[language], OTHER[language]
    assert repeated_paragraph(f"{other}\n{clean}\n{other}", language) == 1
    assert repeated_paragraph(f"{other}\n{clean}\n{other}\n{other}", language) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_line_may_come_again(language: Language) -> None:
    short = {"zh": "用法", "ja": "用法"}.get(language, "Dose")
    text = f"{short}\n{CLEAN[language]}\n{short}\n{OTHER[language]}"
    assert repeated_paragraph(text, language) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_below_the_least_length_has_no_repetition(language: Language) -> None:
    text = ("ab " * MIN_REPETITION_CHARACTERS)[: MIN_REPETITION_CHARACTERS - 1]
    assert repeated_ngrams(text, language) == repeated_paragraph(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text", "num_phrases"),
    [
        ("en", "Hello, thanks for your question. Rest for a week. Regards.", 3),
        ("en", "As an AI language model, I cannot examine you.", 1),
        ("en", "Gout is an arthritis. Click here to subscribe to our letter.", 2),
        ("en", "Please consult your doctor before taking it. All rights reserved.", 2),
        ("zh", "您好，感谢您的咨询。建议复查血糖。祝您健康！", 3),
        ("zh", "作为一个人工智能语言模型，我不能诊断。", 1),
        ("ja", "ご質問ありがとうございます。安静にしてください。お大事に。", 2),
        ("ja", "続きを読む", 0),
        ("ja", "詳しくはこちらをクリック。無断転載を禁じます。", 2),
        ("fr", "Bonjour, reposez-vous trois jours. Cordialement", 2),
        ("fr", "Le repos suffit. Tous droits réservés.", 1),
        ("ru", "Здравствуйте! Сдайте кровь натощак. С уважением, доктор Иванова", 2),
        ("ru", "Читать далее на сайте. Все права защищены.", 2),
        ("es", "Hola, debe guardar reposo. Un saludo", 2),
        ("es", "Haga clic aquí para la dosis. Última actualización: mayo.", 2),
    ],
)
def test_boilerplate_is_counted(language: Language, text: str, num_phrases: int) -> None:
    assert boilerplate(text, language) == num_phrases


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The clicking sound is heard in a person in good health who reads more slowly."),
        ("zh", "长期咳嗽应检查肺部，健康人群不需要复查。"),
        ("ja", "大事なのは水分を十分にとることである。"),
        ("fr", "Vos parents sont-ils en bonne santé ?"),
        ("fr", "bonjour."),
        ("ru", "Больной здоровается, но с уважением относится не ко всем врачам клиники."),
        ("es", "El saludo con la mano transmite el virus a otra persona sana."),
    ],
)
def test_the_same_words_inside_a_sentence_are_not_boilerplate(
    language: Language, text: str
) -> None:
    assert boilerplate(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text", "num_addresses"),
    [
        ("en", "Read www.example.org or https://example.org/a?b=1.", 2),
        ("en", "Write to help@example.org or call 1-800-555-0100.", 2),
        ("zh", "详见http://example.cn，电话：010-5555 0100", 2),
        ("ja", "お問い合わせ：info@example.jp　電話 03-5555-0100", 2),
        ("fr", "Tél. : 01 99 00 12 34, www.example.fr", 2),
        ("ru", "Сайт example.ru, тел. +7 (495) 555-01-00", 2),
        ("es", "Escriba a [EMAIL] o visite www.example.es", 2),
    ],
)
def test_addresses_are_counted(language: Language, text: str, num_addresses: int) -> None:
    assert urls(text, language) == num_addresses


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "Ends in pain.It returns at 10.30, i.e. q.i.d. at 0.5 mg/mL",
        "HLA-B27, 120/80 mmHg, 10000000 UI/L, 1-8 weeks, T@T",
        "telomere 1234567, Calle 12, 5 mg @ 8 h",
    ],
)
def test_doses_and_missing_spaces_are_no_addresses(text: str, language: Language) -> None:
    assert urls(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Gout is an arthritis. Harrison 20th ed pg 2456"),
        ("en", "Answer: uric acid (Ref: Robbins 9/e p123)"),
        ("en", "It was shown before (Doe et al., 2013)."),
        ("en", "Lancet 2015; 386: 1041-8. PMID: 1234567. doi: 10.1000/182"),
        ("zh", "菌痢（P178）（B错）多有不洁饮食史。"),
        ("zh", "摘自《内科学》第8版"),
        ("ja", "標準の教科書　第8版 p.123"),
        ("ja", "出典：学会の手引き"),
        ("fr", "Réf : Traité de médecine, 4e éd, pp. 345"),
        ("ru", "Учебник хирургии, 3-е изд., стр. 45"),
        ("ru", "Источник: клинические рекомендации"),
        ("es", "Manual de medicina, 18ª edición, Pág. 345"),
        ("es", "Bibliografía: guía de la sociedad"),
    ],
)
def test_bibliographic_remains_are_found(language: Language, text: str) -> None:
    assert citation(text, language) > 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "p53 and p 50 are proteins; p.Arg117His; 45,XY,iso(17)(p10). Ammonia (ref: 19-60)"),
        ("en", "Nelson syndrome and Gray matter, ed 5 mg, edema 2nd to albumin loss"),
        ("zh", "第8版诊断标准，P波消失，P<0.05，书中参考文献共计800余种。"),
        ("ja", "肺癌取扱い規約第8版に基づくT因子、P 50は27 mmHgである。"),
        ("fr", "La 10e édition de la CIM, p = 0,05, réf. normale"),
        ("ru", "Стрептококк группы С. Температура 39, источник инфекции — зуб."),
        ("es", "La 5.ª costilla, p. ej. la fuente de calcio"),
    ],
)
def test_doses_genes_and_classifications_are_no_citations(language: Language, text: str) -> None:
    assert citation(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The drug is given at night because it lowers the"),
        ("en", "Several subgroups are known and the most common one is here (type"),
        ("en", "The patient should be treated at once with anti-"),
        ("zh", "患者应当清淡饮食并定期复查肝功能，以及"),
        ("ja", "この患者には安静を保ったうえで抗菌薬の点滴を"),
        ("ja", "この患者には安静を保ち、抗菌薬を点滴する。ただし（"),
        ("fr", "Le traitement repose sur le repos, les antalgiques et"),
        ("fr", "Il faut toujours penser à cette cause rare lorsqu'"),
        ("ru", "Больному назначают покой, обильное питьё и препараты для"),
        ("ru", "Больному назначают покой и питьё. Реже это вирусы (грипп"),
        ("es", "El tratamiento consiste en reposo, hidratación abundante y"),
        ("es", "El tratamiento consiste en reposo, hidratación y dieta («"),
    ],
)
def test_a_text_that_stops_in_mid_sentence_is_cut_off(language: Language, text: str) -> None:
    assert cut_off(text, language) == 1


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The drug is given at night, after the last meal,"),
        ("zh", "患者应当清淡饮食，定期复查肝功能和血糖，"),
        ("ja", "この患者では安静を保ち、抗菌薬を点滴し、"),
        ("fr", "Il faut du repos, beaucoup d’eau et des antalgiques,"),
        ("ru", "Больному назначают покой, обильное питьё, строгую диету, лекарства,"),
        ("es", "El tratamiento consiste en reposo, hidratación y una dieta blanda,"),
    ],
)
def test_a_last_comma_may_stand_for_a_full_stop(language: Language, text: str) -> None:
    assert 0 < cut_off(text, language) < 1


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Vitamin A"),
        ("en", "The"),
        ("en", "The virus that causes this epidemic liver disease is hepatitis A"),
        ("en", "Nobody could say any more what the drug was used for"),
        ("en", "The rest of the tests that were asked for can wait..."),
        ("zh", "清淡饮食，"),
        ("zh", "该患者的家庭环境稳定，性格温和，预后饱和"),
        ("ja", "抗菌薬の点滴を"),
        ("ja", "この患者には安静を保ったうえで抗菌薬を点滴する"),
        ("fr", "de la"),
        ("fr", "Le traitement repose sur le repos et les antalgiques (paracétamol)"),
        ("ru", "Больному не хватает питательных веществ, прежде всего витамин с"),
        ("ru", "острый аппендицит и"),
        ("es", "A o B"),
        ("es", "Se debe administrar por vía oral una vez al día vitamina E"),
    ],
)
def test_whole_sentences_and_short_answers_are_not_cut_off(language: Language, text: str) -> None:
    assert cut_off(text, language) == 0


BARE_LISTS: dict[Language, str] = {
    "en": "See also:\n- Gout\n- Kidney stones\n- Uric acid test",
    "zh": "相关阅读\n痛风\n肾结石\n尿酸检查",
    "ja": "関連記事\n痛風\n腎結石\n尿酸検査",
    "fr": "Voir aussi :\n- La goutte\n- Les calculs rénaux",
    "ru": "Читайте также:\n- Подагра\n- Камни в почках",
    "es": "Temas relacionados\n- La gota\n- Cálculos renales",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_of_other_pages_is_no_answer(language: Language) -> None:
    assert bare_list(BARE_LISTS[language], language) == 1
    assert bare_list(f"{BARE_LISTS[language]}\n{OTHER[language]}", language) == 0
    assert bare_list(BARE_LISTS[language].partition("\n")[2], language) == 0


_FRAGMENTS = (
    *CLEAN.values(),
    *BARE_LISTS.values(),
    *("Ã©", "â€™", "РџСЂ", "\ufffd", "Crohn¿s", "<br>", "&nbsp;", r"\frac{1}", "{{x}}", "[[1]]"),
    *("Hello, ", "thanks", "您好，", "祝您健康", "お大事に", "Cordialement", "С уважением, "),
    *("Un saludo", "all rights reserved", "WWW.EXAMPLE.ORG", "a@b.org", "тел. 1234567", "[EMAIL]"),
    *(
        "20th ed pg 45",
        "Park 24/e p88",
        "（P178）",
        "第8版 p.12",
        "Ref: A",
        "стр. 4",
        "et al., 2013",
    ),
    *(
        "because of the",
        "и",
        "以及",
        "、",
        " (",
        ",",
        " ",
        "\n",
        "...",
        ".",
        "é",
        "e\u0301",
        "１２",
    ),
)


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=6).map("".join), st.sampled_from(LANGUAGES))
def test_polars_finds_every_text_with_a_score(text: str, language: Language) -> None:
    column = pl.Series([text])
    for name, suspects in SUSPECTS.items():
        score = getattr(defects, name)(text, language)
        assert score == 0 or column.str.contains(suspects).item(), name


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_has_finite_scores(text: str, language: Language) -> None:
    names = [name for name in defects.__all__ if name.islower()]
    assert all(0 <= getattr(defects, name)(text, language) <= len(text) for name in names)
