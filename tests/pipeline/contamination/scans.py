"""One exam question per language as printed, and as a second, worse scan of the page has it.

The scans have what scanners do: l for 1 and I, O for 0, rn for m, accents lost, words broken at
line ends, full width for half width, 曰 for 日, 未 for 末, 一 for ー, small kana for large, Latin
for Cyrillic letters, and here and there a letter that is simply wrong.
"""

from __future__ import annotations

from typing import NamedTuple


class Scan(NamedTuple):
    """A question with its options, twice."""

    question: str
    options: tuple[str, ...]
    scanned_question: str
    scanned_options: tuple[str, ...]


SCANS = {
    "en": Scan(
        "A 61-year-old gardener has had a burning pain in both feet for 10 months. His warm, dry "
        "toes do not feel a monofilament. Which laboratory value is most likely abnormal?",
        ("Fasting glucose", "Serum sodium", "Urinary urobilinogen", "Plasma lipase"),
        "A 6l-year-o1d gardener has had a burn-\ning pain in bath feet for lO rnonths. Hls warrn, "
        "dry toes do nct fee1 a rnonofilament. Which 1aboratory va1ue is rnost 1ike1y abnorrna1 ?",
        ("Fasting gIucose", "Serurn sodiurn", "Urinary urobi1inogen", "P1asma 1ipase"),
    ),
    "zh": Scan(
        "女性，29岁，产后第10日起出现持续低热、右侧乳房红肿胀痛，末次哺乳后疼痛加重，触及压痛性硬块，"
        "中央有波动感，血白细胞升高。目前最重要的处理是",
        ("切开引流", "继续哺乳", "局部热敷", "口服退热药"),
        "女性，２９岁，产后第lO曰起出现持续低热、右侧乳房红肿胀痛，未次哺乳后疼痛加重，触及压痛性硬块，"
        "中央有波动惑，血白细胞升高。曰前最重要的处理是",
        ("切开引流", "继续哺乳", "局部热數", "囗服退热药"),
    ),
    "ja": Scan(
        "58歳の男性。3日前からの発熱と右上腹部痛を主訴に来院した。末梢血で白血球増多、ビリルビン高値を認め、"
        "エコーで総胆管の拡張と結石を認める。まず行うべき処置はどれか。",
        ("内視鏡的ドレナージ", "開腹胆嚢摘出術", "ステロイド投与", "経過観察"),
        "５８歳の男性。３曰前からの発熱と右上腹部痛を主訴に来院した。未梢血で白血球増多、ビリルビン高値を認め、"
        "エコ一で総胆管の拡張と結石を認める。まず行うべき処置はとれか。",
        ("内視鏡的ドレナ一ジ", "開腹胆囊摘出術", "ステロイ卜投与", "経過観察"),
    ),
    "fr": Scan(
        "Une patiente âgée de 41 ans présente depuis 10 jours une éruption symétrique des deux "
        "jambes, précédée d’une angine fébrile. Quel examen complémentaire demandez-vous en "
        "premier ?",
        ("Un dosage des antistreptolysines", "Une biopsie rénale", "Un scanner", "Une échographie"),
        "Une patiente agee de 4l ans presente depnis lO jours une eruption syrnetrique des deux "
        "jam-\nbes, precedee d'nne angine febriIe. QueI examen cornpIementaire dernandez-vous en "
        "prernier?",
        ("Un dosage des antistreptoIysines", "Une biopsie renale", "Un scanner", "Une echographie"),
    ),
    "ru": Scan(
        "Больная 38 лет жалуется на приступы сердцебиения и похудание на 10 кг за полгода при "
        "хорошем аппетите. Кожа тёплая и влажная, определяется тремор пальцев. Какое исследование "
        "следует назначить первым?",
        ("Определение тиреотропного гормона", "Суточную запись ЭКГ", "Гастроскопию", "Рентген"),
        "Больная З8 лет жалyется на присту-\nпы сердцебнеиия и похудание на lО кг за полгода пpи "
        "хорошем аппетитe. Кожа теплал и влажная, опрeделяется тремор пальцeв. Какoе исследованиe "
        "следyет назначить пеpвым ?",
        ("Опpеделение тиреотpопного гормона", "Суточнyю запись ЭКГ", "Гастроскопию", "Рентген"),
    ),
    "es": Scan(
        "Un agricultor de 51 años acude por fiebre, sudoración y dolor lumbar de 10 semanas de "
        "evolución. Refiere haber atendido partos de cabras. ¿Qué prueba serológica solicitaría en "
        "primer lugar?",
        ("Rosa de Bengala", "Anticuerpos heterófilos", "Reacción de Weil-Felix", "Paul-Bunnell"),
        "Un agricu1tor de 5l anos acude por ficbre, sudoracion y do1or 1urnbar de lO sema-\nnas de "
        "evo1ucion. Reflere habcr atendido partos de cabras. ¿Que prueba sero1ogica so1icitaria en "
        "prirner 1ugar?",
        ("Rosa de BengaIa", "Anticuerpos heterofi1os", "Reaccion de Weil Fe1ix", "Paul BunneII"),
    ),
}
