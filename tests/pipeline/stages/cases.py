"""One consultation per language, with the small changes that do and do not make it another one."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.pipeline.stages.rows import Row, qa


class Case(NamedTuple):
    """An open question, its answer, and variants of the question."""

    question: str
    answer: str
    reworded: str  # by function words alone
    other_number: str
    negated: str
    other_drug: str


CASES = {
    "en": Case(
        "A man of 64 has taken metformin for 5 years and is given a contrast medium tomorrow. What "
        "should be done with the tablets on the day of the scan?",
        "It depends on the kidneys. If the filtration rate is normal the tablets can be continued; "
        "otherwise they are paused until the creatinine has been checked two days later.",
        "A man of 64 has taken metformin for 5 years and is given the contrast medium tomorrow. "
        "What should be done with his tablets on the day of the scan?",
        "A man of 64 has taken metformin for 15 years and is given a contrast medium "
        "tomorrow. What should be done with the tablets on the day of the scan?",
        "A man of 64 has never taken metformin for 5 years and is given a contrast medium "
        "tomorrow. What should be done with the tablets on the day of the scan?",
        "A man of 64 has taken warfarin for 5 years and is given a contrast medium tomorrow. What "
        "should be done with the tablets on the day of the scan?",
    ),
    "zh": Case(
        "患者男性，64岁，服用二甲双胍5年，血糖控制良好，明天要做增强CT检查，需要注射造影剂，检查当天的药应该怎么吃？",
        "这取决于肾功能。肾小球滤过率正常者可以继续服用；肾功能减退者应在检查当天停药，两天后复查肌酐再决定。",
        "患者男性，64岁，服用了二甲双胍5年，血糖控制良好，明天要做增强CT检查，需要注射造影剂，检查当天药应该怎么吃？",
        "患者男性，64岁，服用二甲双胍15年，血糖控制良好，明天要做增强CT检查，需要注射造影剂，检查当天的药应该怎么吃？",
        "患者男性，64岁，未服用二甲双胍5年，血糖控制良好，明天要做增强CT检查，需要注射造影剂，检查当天的药应该怎么吃？",
        "患者男性，64岁，服用阿卡波糖5年，血糖控制良好，明天要做增强CT检查，需要注射造影剂，检查当天的药应该怎么吃？",
    ),
    "ja": Case(
        "64歳の男性。メトホルミンを5年間服用しており、血糖は安定している。明日、造影剤を使うCT検査を受ける。"
        "当日の薬はどのように飲めばよいか。",
        "腎機能によって異なります。糸球体濾過量が正常なら続けられますが、低下している場合は当日から休薬し、"
        "2日後に血清クレアチニンを確かめてから再開します。",
        "64歳の男性。メトホルミンを5年間服用しており、血糖が安定している。明日、造影剤を使うCT検査を受ける。"
        "当日の薬をどのように飲めばよいか。",
        "64歳の男性。メトホルミンを15年間服用しており、血糖は安定している。明日、造影剤を使うCT検査を受ける。"
        "当日の薬はどのように飲めばよいか。",
        "64歳の男性。メトホルミンを5年間服用しておらず、血糖は安定していない。明日、造影剤を使うCT検査を受ける。"
        "当日の薬はどのように飲めばよいか。",
        "64歳の男性。ボグリボースを5年間服用しており、血糖は安定している。明日、造影剤を使うCT検査を受ける。"
        "当日の薬はどのように飲めばよいか。",
    ),
    "fr": Case(
        "Un homme de 64 ans prend de la metformine depuis 5 ans et doit recevoir demain un "
        "produit de contraste iodé. Que faire des comprimés le jour du scanner ?",
        "Tout dépend des reins. Si le débit de filtration est normal, on poursuit les comprimés ; "
        "sinon on les interrompt jusqu’au contrôle de la créatinine, deux jours plus tard.",
        "Un homme de 64 ans prend la metformine depuis 5 ans et doit recevoir demain un produit de "
        "contraste iodé. Que faire de ces comprimés le jour du scanner ?",
        "Un homme de 64 ans prend de la metformine depuis 15 ans et doit recevoir demain un "
        "produit de contraste iodé. Que faire des comprimés le jour du scanner ?",
        "Un homme de 64 ans ne prend pas de metformine depuis 5 ans et doit recevoir demain "
        "un produit de contraste iodé. Que faire des comprimés le jour du scanner ?",
        "Un homme de 64 ans prend de la warfarine depuis 5 ans et doit recevoir demain un "
        "produit de contraste iodé. Que faire des comprimés le jour du scanner ?",
    ),
    "ru": Case(
        "Мужчина 64 лет принимает метформин 5 лет, завтра ему введут йодсодержащий контраст. Что "
        "делать с таблетками в день исследования и когда возобновить приём?",
        "Всё зависит от почек. Если скорость фильтрации нормальная, таблетки не отменяют; если она "
        "снижена, приём прерывают и возобновляют после контроля креатинина через двое суток.",
        "Мужчина 64 лет принимает метформин 5 лет, и завтра ему введут йодсодержащий контраст. Что "
        "же делать с таблетками в день исследования и когда возобновить приём?",
        "Мужчина 64 лет принимает метформин 15 лет, завтра ему введут йодсодержащий контраст. Что "
        "делать с таблетками в день исследования и когда возобновить приём?",
        "Мужчина 64 лет не принимает метформин 5 лет, завтра ему введут йодсодержащий "
        "контраст. Что делать с таблетками в день исследования и когда возобновить приём?",
        "Мужчина 64 лет принимает варфарин 5 лет, завтра ему введут йодсодержащий контраст. Что "
        "делать с таблетками в день исследования и когда возобновить приём?",
    ),
    "es": Case(
        "Un hombre de 64 años toma metformina desde hace 5 años y mañana recibirá un "
        "contraste yodado. ¿Qué se hace con los comprimidos el día de la prueba?",
        "Depende de los riñones. Si el filtrado es normal, se siguen tomando los "
        "comprimidos; si está reducido, se suspenden hasta comprobar la creatinina dos días "
        "después.",
        "Un hombre de 64 años toma la metformina desde hace 5 años y mañana recibirá un contraste "
        "yodado. ¿Qué se hace con sus comprimidos el día de la prueba?",
        "Un hombre de 64 años toma metformina desde hace 15 años y mañana recibirá un contraste "
        "yodado. ¿Qué se hace con los comprimidos el día de la prueba?",
        "Un hombre de 64 años no toma metformina desde hace 5 años y mañana recibirá un contraste "
        "yodado. ¿Qué se hace con los comprimidos el día de la prueba?",
        "Un hombre de 64 años toma warfarina desde hace 5 años y mañana recibirá un "
        "contraste yodado. ¿Qué se hace con los comprimidos el día de la prueba?",
    ),
}


def case(language: str, **changes: Any) -> Row:
    """Return the consultation of a language as a record: long, so that small changes stay small."""
    found = CASES[language]
    return qa(found.question, found.answer, language) | {"root_id": changes.get("id")} | changes
