"""An `Ask` in memory whose answers are a function of the request; one item in six languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import permutations

from pipeline.llm.program import ProgramSettings
from pipeline.llm.request import Answer, Guess, Outcome, Request
from schemas.item import LANGUAGES, Language
from tests.pipeline.stages.rows import Row, mcq

SETTINGS = ProgramSettings(model="scripted")
DIRECTIONS: list[tuple[Language, Language]] = list(permutations(LANGUAGES, 2))

QUESTION: dict[Language, str] = {
    "en": "A 62-year-old man has taken 500 mg of metformin for 4 years. Which vitamin should be "
    "measured?",
    "zh": "男性，62岁，服用二甲双胍500 mg已4年。应检测哪种维生素？",
    "ja": "62歳の男性。メトホルミン500 mgを4年間服用している。測定すべきビタミンはどれか。",
    "fr": "Un homme de 62 ans prend 500 mg de metformine depuis 4 ans. Quelle vitamine faut-il "
    "doser ?",
    "ru": "Мужчина 62 лет принимает метформин по 500 мг в течение 4 лет. Какой витамин следует "
    "определить?",
    "es": "Un hombre de 62 años toma 500 mg de metformina desde hace 4 años. ¿Qué vitamina se "
    "debe medir?",
}
OPTIONS: dict[Language, tuple[str, ...]] = {
    "en": ("Folic acid", "Vitamin B12", "Vitamin D", "Vitamin K"),
    "zh": ("叶酸", "维生素B12", "维生素D", "维生素K"),
    "ja": ("葉酸", "ビタミンB12", "ビタミンD", "ビタミンK"),
    "fr": ("Acide folique", "Vitamine B12", "Vitamine D", "Vitamine K"),
    "ru": ("Фолиевая кислота", "Витамин B12", "Витамин D", "Витамин K"),
    "es": ("Ácido fólico", "Vitamina B12", "Vitamina D", "Vitamina K"),
}
RATIONALE: dict[Language, str] = {
    "en": "Metformin impairs the absorption of vitamin B12 in the ileum, so its level falls after "
    "some years.",
    "zh": "二甲双胍会影响回肠对维生素B12的吸收，因此服用数年后其水平下降。",
    "ja": "メトホルミンは回腸でのビタミンB12の吸収を妨げるため、数年後にその値が低下する。",
    "fr": "La metformine gêne l’absorption de la vitamine B12 dans l’iléon, si bien que son taux "
    "baisse après quelques années.",
    "ru": "Метформин нарушает всасывание витамина B12 в подвздошной кишке, поэтому через "
    "несколько лет его уровень снижается.",
    "es": "La metformina dificulta la absorción de la vitamina B12 en el íleon, por lo que su "
    "nivel baja al cabo de unos años.",
}
KEYED = (1,)

Script = Callable[[Request], str | Outcome]
_TEXT = re.compile(r"<text-(\w+)>\n(.*)\n</text-\1>", re.DOTALL)


class Scripted:
    """Answers every request by a script, at once, and remembers what it was asked."""

    def __init__(self, script: Script, *, is_guess: bool = False) -> None:
        self._is_guess = is_guess
        self.requests: list[Request] = []
        self._script = script

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        self.requests += requests
        return [self.answer(request) for request in requests]

    def answer(self, request: Request) -> Answer:
        """Return the script's answer to a request."""
        said = self._script(request)
        outcome, text = (said, "") if isinstance(said, Outcome) else (Outcome.OK, said)
        kind = Guess if self._is_guess else Answer
        return kind(request.key, outcome, text, request.prompt, request.model)


def item(language: Language, **changes: object) -> Row:
    """Return the item in a language as a train record."""
    row = mcq(QUESTION[language], OPTIONS[language], KEYED, language, rationale=RATIONALE[language])
    return {**row, **changes}


def asked_text(request: Request) -> str:
    """Return the text that a request asks to translate."""
    found = _TEXT.search(request.messages[-1].content)
    assert found is not None
    return found[2]


def translator(source: Language, target: Language, **others: str) -> Script:
    """Return a script that translates the item as people did, and other texts as told."""
    known = dict(zip(OPTIONS[source], OPTIONS[target], strict=True))
    known |= {QUESTION[source]: QUESTION[target], RATIONALE[source]: RATIONALE[target], **others}

    def script(request: Request) -> str:
        return known[asked_text(request)]

    return script
