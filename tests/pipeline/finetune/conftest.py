"""A small tokenizer made on the spot, and a small release to tokenise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# Question, answer, passage: sentences of our own.
TEXTS: Mapping[str, tuple[str, str, str]] = {
    "en": (
        "Which vitamin prevents scurvy?",
        "Vitamin C, of which 75 mg a day is enough.",
        "Sailors fell ill on long journeys.",
    ),
    "zh": (
        "哪种维生素可以预防坏血病？",
        "维生素C，每天75 mg就够了。",
        "水手在长途航行中常常患病。",
    ),
    "ja": (
        "壊血病を防ぐビタミンはどれか。",
        "ビタミンCで、1日75 mgあれば足りる。",
        "船員は長い航海で病気になった。",
    ),
    "fr": (
        "Quelle vitamine prévient le scorbut ?",
        "La vitamine C, dont 75 mg par jour suffisent.",
        "Les marins tombaient malades lors des longs voyages.",
    ),
    "ru": (
        "Какой витамин предупреждает цингу?",
        "Витамин C: достаточно 75 мг в день.",
        "Моряки болели в долгих плаваниях.",
    ),
    "es": (
        "¿Qué vitamina previene el escorbuto?",
        "La vitamina C, de la que bastan 75 mg al día.",
        "Los marineros enfermaban en los viajes largos.",
    ),
}
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
Row = dict[str, Any]


def make_tokenizer(
    template: str | None = CHATML, special: Sequence[str] = ("<|im_start|>", "<|im_end|>")
) -> Any:
    """Return a byte-level tokenizer without a pad token, whose last special token ends a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = [text for texts in TEXTS.values() for text in texts]
    trained.train_from_iterator([*words, "assistant\nuser\n"] * 3, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=trained,
        bos_token=special[0],
        eos_token=special[-1],
        chat_template=template,
    )


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    pytest.importorskip("transformers")
    return make_tokenizer()


@pytest.fixture(scope="session")
def tokenizer_folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "tiny"
    tokenizer.save_pretrained(folder)
    return folder


def open_row(language: str, number: int) -> Row:
    question, answer, _ = TEXTS[language]
    return _row(language, number, f"{number}. {question}", answer, [])


def choice_row(language: str, number: int) -> Row:
    question, _, rationale = TEXTS[language]
    options = [{"letter": name, "text": f"{name.lower()} {number}"} for name in "ABC"]
    row = _row(language, number, question, "", options)
    return row | {"answer_letters": ["B"], "rationale": rationale, "form": "exam"}


def _row(
    language: str, number: int, question: str, answer: str, options: list[dict[str, str]]
) -> Row:
    listed = "\n".join(f"{option['letter']}. {option['text']}" for option in options)
    asked = f"{question}\n\n{listed}" if listed else question
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answer or "as the release was emitted"},
        ],
        "id": f"{number:030x}{list(TEXTS).index(language):02x}",
        "language": language,
        "source": "ours",
        "form": "encyclopedia",
        "question": question,
        "options": options,
        "answer_letters": [],
        "rationale": "",
    }


SCHEMA = pa.schema(
    [
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        *((name, pa.string()) for name in ("id", "language", "source", "form", "question")),
        ("options", pa.list_(pa.struct([("letter", pa.string()), ("text", pa.string())]))),
        ("answer_letters", pa.list_(pa.string())),
        ("rationale", pa.string()),
    ]
)


def write_split(release: Path, subset: str, split: str, rows: Mapping[str, list[Row]]) -> None:
    """Write the rows of each language as a release has them, in the columns that are read."""
    for language, of_language in rows.items():
        path = release / subset / language / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(of_language, schema=SCHEMA), path)


@pytest.fixture
def small_release(tmp_path: Path) -> Path:
    """Return a release of 20 open and 20 multiple-choice rows per language."""
    makers: Mapping[str, Callable[[str, int], Row]] = {
        "mmed_ift": open_row,
        "mmed_ift_mc": choice_row,
    }
    for subset, make in makers.items():
        rows = {language: [make(language, number) for number in range(20)] for language in TEXTS}
        write_split(tmp_path / "release", subset, "train", rows)
    return tmp_path / "release"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Keep small models from waiting for threads that share a core with other tests."""
    import torch

    torch.set_num_threads(1)
