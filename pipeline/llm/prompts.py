"""Versioned prompts: Markdown files with a header, a system text and a user text with placeholders.

Rendering puts every value between tags that carry digits of the values' digest, digits that occur
in none of them: a source text cannot close its tag. A paragraph of the user text whose placeholder
has no value is left out, so that one file serves a text with background and one without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from pipeline.llm.request import Message

LANGUAGE_NAMES = {
    "en": "English",
    "zh": "Chinese",
    "ja": "Japanese",
    "fr": "French",
    "ru": "Russian",
    "es": "Spanish",
}
_TAG_DIGITS = 8
_HEADER = re.compile(r"id: (?P<id>[\w/]+)\nversion: (?P<version>\d+)\n")
_SECTION = re.compile(r"^\[(system|user)\]\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Prompt:
    """A prompt for one direction or language; `examples` by the kind of text that they show."""

    name: str  # such as `translate/en-ja@1`
    digest: str  # of the file and the examples
    system: str
    user: str
    examples: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)

    @property
    def exact_name(self) -> str:
        """Return the name with digits of the digest, by which other examples are told apart."""
        return f"{self.name}+{self.digest[:8]}"

    def render(self, example: str = "", **values: str) -> tuple[Message, ...]:
        """Return the messages: system, the examples of this kind, the user's turn."""
        unknown = values.keys() - set(_PLACEHOLDER.findall(self.user))
        if unknown:
            raise ValueError(f"prompt {self.name} has no placeholder {min(unknown)!r}")
        turn = Message("user", fill_turn(self.user, values))
        return (Message("system", self.system), *self.examples.get(example, ()), turn)


def fill_turn(template: str, values: Mapping[str, str]) -> str:
    """Return a user's turn: paragraphs whose placeholders all have a value, filled in."""
    known = {**values, "tag": tag_of(values)}
    kept = (part for part in template.split("\n\n") if _has_values(part, known))
    return _fill("\n\n".join(kept), known)


def _has_values(paragraph: str, values: Mapping[str, str]) -> bool:
    return all(values.get(name) for name in _PLACEHOLDER.findall(paragraph))


def _fill(template: str, values: Mapping[str, str]) -> str:
    # One pass: a value that looks like a placeholder stays what it is.
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def tag_of(values: Mapping[str, str]) -> str:
    """Return digits for tags around these values, which occur in none of them."""
    digits = sha256("\0".join(values.values()).encode("utf-8", "surrogatepass")).hexdigest()
    number = _TAG_DIGITS
    while any(digits[:number] in value for value in values.values()):
        number += 1
    return digits[:number]


def without_tags(text: str, tag: str) -> str:
    """Return a reply without space around it and without the tags, if it repeats them."""
    stripped = text.strip()
    stripped = re.sub(rf"^<\w+-{tag}>\s*", "", stripped)
    return re.sub(rf"\s*</\w+-{tag}>$", "", stripped)


@cache
def prompt(prompt_id: str, *, source: str = "", target: str = "") -> Prompt:
    """Return a prompt by its id: of a direction, of one language (`target`), or of all."""
    text = _file(prompt_id, target).read_text(encoding="utf-8")
    version, system, user = _parts(text, prompt_id)
    names = {"source_language": LANGUAGE_NAMES.get(source, "")}
    user = _fill(user, names)
    examples = _examples(user, source, target) if source and target else {}
    languages = "-".join(filter(None, (source, target)))
    shown = [one.content for kind in examples.values() for one in kind]
    return Prompt(
        name=f"{'/'.join(filter(None, (prompt_id, languages)))}@{version}",
        digest=sha256("\0".join([text, *shown]).encode()).hexdigest(),
        system=_fill(system, names),
        user=user,
        examples=examples,
    )


def _folder() -> Traversable:
    return files("pipeline.llm").joinpath("prompts")


def _file(prompt_id: str, target: str) -> Traversable:
    parts = (prompt_id, f"{target}.md") if target else (f"{prompt_id}.md",)
    return _folder().joinpath(*parts)


def _parts(text: str, prompt_id: str) -> tuple[str, str, str]:
    """Return version, system text and user text of a file."""
    header = _HEADER.match(text)
    sections = _SECTION.split(text)
    if header is None or header["id"] != prompt_id or sections[1::2] != ["system", "user"]:
        raise ValueError(
            f"prompt {prompt_id!r} must begin with its id and version, then [system] and [user]"
        )
    return header["version"], sections[2].strip(), sections[4].strip()


def _examples(user: str, source: str, target: str) -> dict[str, tuple[Message, ...]]:
    """Return an example of a text and one of an option, from the table in six languages."""
    rows = _example_table()
    text = {"what": "text", "text": rows["text"][source]}
    option = {
        "background": rows["background"][source],
        "background_translation": rows["background"][target],
        "what": "answer option",
        "text": rows["option"][source],
    }
    return {
        "text": (
            Message("user", fill_turn(user, text)),
            Message("assistant", rows["text"][target]),
        ),
        "option": (
            Message("user", fill_turn(user, option)),
            Message("assistant", rows["option"][target]),
        ),
    }


@cache
def _example_table() -> dict[str, dict[str, str]]:
    import yaml

    content = _folder().joinpath("translate", "examples.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = yaml.safe_load(content)
    return table
