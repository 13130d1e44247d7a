"""Refusals in prose, told from patients and doctors who cannot do something either."""

from __future__ import annotations

import pytest

from pipeline.llm.refusal import is_refusal

REFUSALS = {
    "en": [
        "I'm sorry, but I can't help with that.",
        "I cannot translate this text because it contains medical instructions.",
        "Sorry, I am unable to provide medical advice.",
        "As an AI language model, I don't have personal experience of pain.",
        "I’m not able to complete this request.",
        "Unfortunately, I cannot assist you with this request.",
    ],
    "zh": [
        "很抱歉，我无法提供医疗建议。",
        "对不起，我不能翻译这段文字。",
        "抱歉，但我无法满足您的请求。",
        "作为一个人工智能语言模型，我没有亲身体验。",
        "我无法回答这个问题。",
        "很抱歉，我无法帮助您完成此翻译。",
    ],
    "ja": [
        "申し訳ありませんが、そのリクエストにはお応えできません。",
        "申し訳ございません。この内容は翻訳できません。",
        "すみませんが、ご質問にはお答えできません。",
        "AI言語モデルとして、医学的な判断はできません。",
        "この文章を翻訳することはできません。",
        "申し訳ありませんが、お手伝いできません。",
    ],
    "fr": [
        "Je suis désolé, mais je ne peux pas répondre à cette demande.",
        "Désolée, je ne suis pas en mesure de traduire ce texte.",
        "En tant qu'intelligence artificielle, je ne ressens pas la douleur.",
        "Malheureusement, je ne peux pas fournir de conseils médicaux.",
        "Je ne peux pas vous aider avec cette traduction.",
        "Je m’excuse, mais je ne peux pas traiter votre requête.",
    ],
    "ru": [
        "Извините, но я не могу помочь с этим запросом.",
        "К сожалению, я не могу перевести этот текст.",
        "Как языковая модель, я не испытываю боли.",
        "Простите, я не могу предоставить медицинскую консультацию.",
        "Я не могу выполнить этот запрос.",
        "Мне жаль, но я не могу ответить на ваш вопрос.",
    ],
    "es": [
        "Lo siento, pero no puedo ayudarte con eso.",
        "Lo lamento, no puedo traducir este texto.",
        "Como modelo de lenguaje, no tengo experiencias propias.",
        "No puedo proporcionar asesoramiento médico.",
        "Lo siento, no me es posible responder a tu pregunta.",
        "Lamentablemente, no puedo procesar esta solicitud.",
    ],
}
NO_REFUSALS = {
    "en": [
        "I cannot feel my legs and I am not able to stand.",
        "I'm sorry to hear that you have lost your appetite.",
        "Sorry, I can't help coughing when I lie down.",
        "I cannot complete the treatment because of nausea.",
        "The patient is unable to provide a urine sample.",
        "I am unable to process sugar since my operation.",
        "As an adult she was told that she has asthma.",
        "Doctor, I can't translate my pain into words.",
    ],
    "zh": [
        "我无法感觉到自己的双腿。",
        "患者不能提供尿液样本。",
        "对不起，医生，我昨天忘记吃药了。",
        "我不能完成这个动作，肩膀太疼了。",
        "作为一名护士，您首先应当评估气道。",
        "很抱歉听到您失眠。",
        "我无法处理伤口上的渗液。",
    ],
    "ja": [
        "足の感覚がなく、立つことができません。",
        "患者は指示に従うことができません。",
        "申し訳ありませんが、薬を飲み忘れました。",
        "すみません、昨日から息ができません。",
        "この薬は妊婦には投与できません。",
        "腎不全の患者にはこの検査はできません。",
        "看護師として最初に行うべきことはどれか。",
    ],
    "fr": [
        "Je ne peux pas marcher depuis hier.",
        "Je suis désolé d'apprendre que vous souffrez.",
        "Je ne peux pas fournir d'effort sans être essoufflé.",
        "Malheureusement, la tumeur ne peut pas être opérée.",
        "En tant que médecin, que proposez-vous ?",
        "Le patient ne peut pas répondre à la question.",
        "Je ne suis pas capable de plier le genou.",
    ],
    "ru": [
        "Я не могу ходить со вчерашнего дня.",
        "К сожалению, опухоль неоперабельна.",
        "Извините, я забыл принять таблетку.",
        "Как врач, что вы назначите в первую очередь?",
        "Я не могу помочь себе подняться с кровати.",
        "Больной не может ответить на вопрос.",
        "Не могу дать полную нагрузку на ногу.",
    ],
    "es": [
        "No puedo respirar cuando subo escaleras.",
        "Lo siento, doctora, olvidé la pastilla.",
        "Como médico de guardia, ¿qué haría primero?",
        "No puedo ayudarme con el brazo izquierdo.",
        "Lamentablemente, el tumor no se puede operar.",
        "El paciente no puede responder a la pregunta.",
        "No puedo completar la frase sin toser.",
    ],
}


def cases(texts: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, text) for language, some in texts.items() for text in some]


@pytest.mark.parametrize(("language", "text"), cases(REFUSALS))
def test_a_refusal_in_prose_is_recognised(language: str, text: str) -> None:
    assert is_refusal(text, language)


@pytest.mark.parametrize(("language", "text"), cases(NO_REFUSALS))
def test_who_cannot_do_something_is_not_refusing(language: str, text: str) -> None:
    assert not is_refusal(text, language)


@pytest.mark.parametrize("language", REFUSALS)
def test_a_refusal_in_english_counts_in_every_language(language: str) -> None:
    assert is_refusal("I'm sorry, but I can't assist with that request.", language)
