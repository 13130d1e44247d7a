"""Sentences written for these tests in the six languages, each saying the same in all."""

from __future__ import annotations

from itertools import permutations

from schemas.item import LANGUAGES, Language

DIRECTIONS: list[tuple[Language, Language]] = list(permutations(LANGUAGES, 2))

PATIENT: dict[Language, str] = {
    "en": "A 45-year-old man has had chest pain for 3 days; his blood pressure is 150/95 mmHg.",
    "zh": "一名45岁男性胸痛3天，血压为150/95 mmHg。",
    "ja": "45歳の男性。3日前から胸痛があり、血圧は150/95 mmHgである。",
    "fr": (
        "Un homme de 45 ans a une douleur thoracique depuis 3 "
        "jours ; sa tension est de 150/95 mmHg."
    ),
    "ru": "Мужчина 45 лет жалуется на боль в груди в течение 3 дней; давление 150/95 мм рт. ст.",
    "es": (
        "Un hombre de 45 años tiene dolor torácico desde hace 3 días; su presión es de 150/95 mmHg."
    ),
}
DOSE: dict[Language, str] = {
    "en": "Give 500 mg of amoxicillin by mouth every 8 hours for 7 days.",
    "zh": "口服阿莫西林500毫克，每8小时一次，连用7天。",
    "ja": "アモキシシリン500mgを8時間ごとに7日間経口投与する。",
    "fr": "Donner 500 mg d'amoxicilline par voie orale toutes les 8 heures pendant 7 jours.",
    "ru": "Давать амоксициллин внутрь по 500 мг каждые 8 часов в течение 7 дней.",
    "es": "Administrar 500 mg de amoxicilina por vía oral cada 8 horas durante 7 días.",
}
METFORMIN: dict[Language, str] = {
    "en": "Metformin should not be used if the filtration rate is below 30 mL/min.",
    "zh": "滤过率低于30 mL/min时不应使用二甲双胍。",
    "ja": "濾過量が30 mL/min未満の場合、メトホルミンを使用してはならない。",
    "fr": (
        "La metformine ne doit pas être utilisée si le débit de "
        "filtration est inférieur à 30 mL/min."
    ),
    "ru": "Метформин не следует применять, если скорость фильтрации менее 30 мл/мин.",
    "es": "No se debe usar metformina si la tasa de filtración es menor de 30 mL/min.",
}
STATISTICS: dict[Language, str] = {
    "en": "On 5 March 2020, 1.5 million tests were counted, and 12.5% of them were positive.",
    "zh": "2020年3月5日共统计150万次检测，其中12.5%呈阳性。",
    "ja": "2020年3月5日の検査は150万件で、そのうち12.5％が陽性であった。",
    "fr": "Le 5 mars 2020, on a compté 1,5 million de tests, dont 12,5 % étaient positifs.",
    "ru": "5 марта 2020 года насчитали 1,5 млн тестов, из них 12,5 % были положительными.",
    "es": (
        "El 5 de marzo de 2020 se contaron 1,5 millones de pruebas, y el 12,5 % fueron positivas."
    ),
}
QUESTION: dict[Language, str] = {
    "en": "Which of the following drugs is not an antibiotic?",
    "zh": "下列药物中，哪一种不是抗生素？",
    "ja": "次の薬のうち、抗菌薬でないのはどれか。",
    "fr": "Lequel des médicaments suivants n'est pas un antibiotique ?",
    "ru": "Какое из перечисленных лекарств не является антибиотиком?",
    "es": "¿Cuál de los siguientes fármacos no es un antibiótico?",
}
SENTENCES = {
    "patient": PATIENT,
    "dose": DOSE,
    "metformin": METFORMIN,
    "statistics": STATISTICS,
    "question": QUESTION,
}
