import pytest

from pipeline.text.negation import negation_cues


@pytest.mark.parametrize(
    ("language", "text", "cues"),
    [
        ("en", "It is NOT painful. It doesn’t, nonphotosensitive", ("non", "not", "not")),
        ("en", "All EXCEPT one, without fever", ("except", "without")),
        ("zh", "下列哪项不适合，无发热，禁忌", ("不", "无", "禁忌")),
        ("ja", "誤っているのはどれか。適切でない", ("ない", "誤り")),
        ("fr", "N’est pas douloureux, sauf sans fièvre", ("ne", "pas", "sans", "sauf")),
        ("ru", "Не показан без анализа, кроме боли", ("без", "кроме", "не")),
        (
            "es",
            "No está contraindicado, excepto sin fiebre",
            ("contraindicado", "excepto", "no", "sin"),
        ),
    ],
)
def test_cues_are_found_in_any_writing(language: str, text: str, cues: tuple[str, ...]) -> None:
    assert negation_cues(text, language) == tuple(sorted(cues))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Not only knots: at least two notes"),
        ("zh", "能不能吃？该不该用莫西沙星？是否非常痛？"),
        ("ja", "必ず、いずれも少ない"),
        ("fr", "Sans doute un passage"),
        ("ru", "Не только небо"),
        ("es", "No obstante, al menos una nota"),
    ],
)
def test_words_that_only_look_like_negation_are_passed_over(language: str, text: str) -> None:
    assert negation_cues(text, language) == ()


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Which is not true?", "Which is false?"),
        ("zh", "下列哪项不正确", "下列哪项错误"),
        ("ja", "正しくないのはどれか", "誤っているのはどれか"),
        ("fr", "Laquelle n’est pas exacte ?", "Laquelle est inexacte ?"),
        ("ru", "Что не является верным?", "Что неверно?"),
        ("es", "¿Cuál no es cierta?", "¿Cuál es falsa?"),
    ],
)
def test_two_ways_to_ask_for_what_is_wrong_are_one_cue(language: str, one: str, other: str) -> None:
    assert len(negation_cues(one, language)) == 1
    assert negation_cues(one, language) == negation_cues(other, language)
