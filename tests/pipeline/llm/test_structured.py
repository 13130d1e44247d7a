"""JSON from a model: taken only when it is whole and satisfies the schema, repaired once."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.llm.json_schema import problems
from pipeline.llm.request import Answer, Outcome
from pipeline.llm.serve.fault import FaultServer, Reply
from pipeline.llm.structured import MalformedError, ask_json, ask_whole, parse
from tests.pipeline.llm.loopback import TEXTS, Rig, request, run

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
VALUE = {"letter": "B", "score": 7}


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


def answering(*texts: str | Reply) -> FaultServer:
    """Return a server that gives these answers, one after another, and the last one for ever."""
    left = list(texts)
    return FaultServer(answer=lambda _payload: left.pop(0) if len(left) > 1 else left[0])


def ask_for_json(rig: Rig, server: FaultServer) -> tuple[Any, Answer]:
    rig.base_url = server.base_url

    async def work() -> tuple[Any, Answer]:
        client = rig.client()
        try:
            return await ask_json(client, request(schema=SCHEMA))
        finally:
            await client.close()

    return run(work())


def test_broken_json_is_repaired_by_one_call_that_holds_the_error_alone(rig: Rig) -> None:
    with answering('{"letter": "B", "score": 99}', GOOD) as server:
        value, answer = ask_for_json(rig, server)
        assert (value, answer.outcome) == (VALUE, Outcome.OK)
        assert server.counts.num_requests == 2
        repaired = server.received[-1].payload["messages"]
        assert len(repaired) == 2
        assert "'score' of the value is 99, above 10." in repaired[-1]["content"]
        assert '"letter": "B"' not in repaired[-1]["content"]
        # The same again is read from the cache, the repair included.
        assert ask_for_json(rig, server)[0] == VALUE
        assert server.counts.num_requests == 2


def test_json_that_stays_broken_is_malformed(rig: Rig) -> None:
    with answering('{"letter": "D", "score": 1}') as server:
        value, answer = ask_for_json(rig, server)
        assert (value, answer.outcome) == (None, Outcome.MALFORMED)
        assert server.counts.num_requests == 2


def test_a_cut_json_prefix_is_never_taken(rig: Rig) -> None:
    cut = Reply(text=GOOD, finish_reason="length")
    with answering(cut) as server:
        value, answer = ask_for_json(rig, server)
        assert (value, answer.outcome) == (None, Outcome.LENGTH)
        limits = [one.payload["max_tokens"] for one in server.received]
        assert limits == [100, 200]


def test_a_refusal_is_not_repaired(rig: Rig) -> None:
    with answering(Reply(refusal="No.")) as server:
        value, answer = ask_for_json(rig, server)
        assert (value, answer.outcome) == (None, Outcome.REFUSAL)
        assert server.counts.num_requests == 1


@pytest.mark.parametrize("language", TEXTS)
def test_a_cut_text_is_asked_for_with_twice_the_room(rig: Rig, language: str) -> None:
    with answering(Reply(text="half of", finish_reason="length"), TEXTS[language]) as server:
        rig.base_url = server.base_url

        async def work() -> Answer:
            client = rig.client()
            answer = await ask_whole(client, request(TEXTS[language]))
            await client.close()
            return answer

        assert run(work()).text == TEXTS[language]
        assert [one.payload["max_tokens"] for one in server.received] == [100, 200]
