"""JSON from a model: taken only when it is whole and satisfies the schema."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.llm.json_schema import problems
from pipeline.llm.structured import MalformedError, parse
from tests.pipeline.llm.loopback import TEXTS

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "letter": {"enum": ["A", "B", "C"]},
        "score": {"type": "integer", "minimum": 1, "maximum": 10},
        "why": {"type": "string", "minLength": 1},
    },
    "required": ["letter", "score"],
    "additionalProperties": False,
}
GOOD = '{"letter": "B", "score": 7}'


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("frame", ["{}", "```json\n{}\n```", "```\n{}```", "\n ```JSON\n{}\n```\n"])
def test_a_value_is_read_with_or_without_a_fence(language: str, frame: str) -> None:
    text = '{"letter": "A", "score": 3, "why": "' + TEXTS[language] + '"}'
    assert parse(frame.replace("{}", text), SCHEMA)["why"] == TEXTS[language]


BROKEN = [
    ("not JSON", "it is no JSON."),
    ("", "it is no JSON."),
    (GOOD[:-1], "it is no JSON."),
    (f"Sure! {GOOD}", "it is no JSON."),
    ('{"letter": "B", "letter": "C", "score": 7}', "it holds the key 'letter' more than once."),
    ('{"letter": "B", "score": NaN}', "it holds NaN, which is no JSON."),
    ('{"letter": "D", "score": 7}', '\'letter\' of the value is "D", not one of ["A", "B", "C"].'),
    ('{"letter": "B", "score": 0}', "'score' of the value is 0, below 1."),
    ('{"letter": "B", "score": 11}', "'score' of the value is 11, above 10."),
    ('{"letter": "B", "score": "7"}', "'score' of the value is \"7\", not of type integer."),
    ('{"letter": "B", "score": true}', "'score' of the value is true, not of type integer."),
    ('{"letter": "B"}', "the value lacks the key 'score'."),
    (
        '{"letter": "B", "score": 7, "z": 1, "y": 2}',
        "the value holds the unknown key 'z'.",
    ),
    (
        '{"letter": "B", "score": 7, "why": ""}',
        "the number of characters of 'why' of the value is 0, below 1.",
    ),
    ('["B", 7]', 'the value is ["B", 7], not of type object.'),
    ("[" * 100_000, "it is no JSON."),
    ('{"letter": "B", "score": ' + "1" * 5000 + "}", "it is no JSON."),
    (r'{"letter": "B", "score": 7, "why": "\ud83d"}', "it holds half of a character."),
]


@pytest.mark.parametrize(("text", "error"), BROKEN)
def test_what_is_wrong_is_told(text: str, error: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse(text, SCHEMA)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("value", "schema", "number"),
    [
        ([1, 2, "3"], {"type": "array", "items": {"type": "integer"}}, 1),
        ([1], {"type": "array", "minItems": 2, "maxItems": 3}, 1),
        ([1, 2, 3, 4], {"type": "array", "minItems": 2, "maxItems": 3}, 1),
        (None, {"type": ["string", "null"]}, 0),
        (1, {"const": True}, 1),
        (1.5, {"type": "number", "minimum": 1}, 0),
        ("abc", {"pattern": "^b"}, 1),
        ({"a": {"b": 1}}, {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}, 1),
        ({"a": 1}, {"title": "anything", "description": "at all"}, 0),
    ],
)
def test_the_parts_of_json_schema_are_checked(value: Any, schema: Any, number: int) -> None:
    assert len(list(problems(value, schema))) == number


def test_a_part_that_is_not_checked_is_an_error_of_the_schema() -> None:
    with pytest.raises(ValueError, match="'oneOf', which is not checked here"):
        list(problems(1, {"oneOf": []}))
