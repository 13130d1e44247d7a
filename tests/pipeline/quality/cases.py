"""Invented records with one fault each, in six languages, and how a shard scores them."""

from __future__ import annotations

from typing import NamedTuple

from tests.pipeline.stages.rows import Row, make, run


class Faults(NamedTuple):
    """Texts of one language that lean on something outside them, and alike ones that do not."""

    picture: str
    no_picture: str
    earlier_item: str
    earlier_patient: str
    introduced: str
    by_letters: str
    by_numbers: str
    above: str
    key_b: str
    not_recalled: str
    no_answer: str


FAULTS = {
    "en": Faults(
        "His chest radiograph is shown below. Which lobe has collapsed?",
        "The clinical picture is shown by most smokers. Which lobe has usually collapsed?",
        "Which drug would you avoid in the patient from the previous question?",
        "Which drug should this patient avoid?",
        "A man of 60 has a swollen ankle. Which drug should this patient avoid?",
        "Both A and B are correct",
        "Answers 1 and 2 are correct",
        "All of the above",
        "The drain is needed because air has entered. The correct answer is B.",
        "Not recalled",
        "None.",
    ),
    "zh": Faults(
        "胸部平片如图所示，塌陷的是哪一叶？",
        "超声心动图示左室扩大，心电图中未见异常，首选的药物是",
        "接上题，应当避免的药物是",
        "该患者应当避免的药物是",
        "男，60岁，踝部肿胀两天。该患者应当避免的药物是",
        "A和B均正确",
        "选项1和2均正确",
        "以上均是",
        "气体进入胸腔，需要引流，故选B。",
        "暂无",
        "略",
    ),
    "ja": Faults(
        "胸部エックス線写真（A）を別に示す。虚脱しているのはどれか。",
        "胸部エックス線写真で虚脱を認める。会話を以下に示す。正しいのはどれか。",
        "前問の患者で避けるべき薬はどれか。",
        "この患者で避けるべき薬はどれか。",
        "60歳の男性。足関節の腫脹を訴える。この患者で避けるべき薬はどれか。",
        "AとBの両方",
        "選択肢1と2",
        "上記のすべて",
        "空気が胸腔に入ったので排液が必要である。正解はBです。",
        "未入力",
        "なし",
    ),
    "fr": Faults(
        "La radiographie ci-dessous est celle d’un fumeur. Quel lobe est affaissé ?",
        "Parmi les signes ci-dessous, lequel accompagne l’image d’un lobe affaissé ?",
        "Quel médicament éviter chez le patient de la question précédente ?",
        "Quel médicament faut-il éviter chez ce patient ?",
        "Un homme de 60 ans a la cheville enflée. Que faut-il éviter chez ce patient ?",
        "Les réponses A et B sont correctes",
        "Les réponses 1 et 2 sont exactes",
        "Toutes les réponses précédentes",
        "De l’air est entré dans la plèvre. La bonne réponse est B.",
        "À compléter",
        "Néant",
    ),
    "ru": Faults(
        "Какая доля спалась у больного, чья рентгенограмма представлена на рисунке 3?",
        "На рентгеновском снимке видно затемнение лёгкого. Какая доля спалась чаще всего?",
        "Какого препарата следует избегать пациенту из предыдущей задачи?",
        "Какого препарата следует избегать у этого пациента?",
        "У мужчины 60 лет отекла лодыжка. Какого препарата избегать у этого пациента?",
        "Верны ответы А и Б",
        "Верны ответы 1 и 2",
        "Всё вышеперечисленное",
        "В плевральную полость попал воздух. Правильный ответ — Б.",
        "Вариант отсутствует",
        "Нет ответа",
    ),
    "es": Faults(
        "Pregunta vinculada a la imagen nº 4. ¿Qué lóbulo se ha colapsado?",
        "La imagen radiográfica muestra un lóbulo colapsado. ¿Qué prueba por imagen pediría?",
        "¿Qué fármaco evitaría en el paciente de la pregunta anterior?",
        "¿Qué fármaco debe evitar este paciente?",
        "Un hombre de 60 años tiene el tobillo hinchado. ¿Qué debe evitar este paciente?",
        "Las respuestas A y B son correctas",
        "Las respuestas 1 y 2 son correctas",
        "Todas las anteriores",
        "Ha entrado aire en la pleura. La respuesta correcta es la B.",
        "Opción no disponible",
        "Sin respuesta",
    ),
}


def scores(row: Row) -> dict[str, float | None]:
    """Return what the stage `score` writes about a record."""
    [kept], dropped = run(make("score"), row)
    assert dropped == {}
    found: dict[str, float | None] = kept["scores"]
    return found
