"""The closed list of rules; docs/quality.md says what each hits and how often it is right."""

from __future__ import annotations

from pipeline.quality import answers, options, references
from pipeline.quality.rule import HAS_RATIONALE, IS_CHOICE, IS_OPEN, Rule
from pipeline.quality.texts import text_rule
from pipeline.text import defects

_ANY = IS_CHOICE | IS_OPEN
_EVERYWHERE = ("context", "options", "rationale", "answer", "question")
_WRITTEN = ("rationale", "answer")  # what a source's author wrote, not what an exam asks

RULES = (
    Rule("image_dependent", 1, references.image_dependent, references.image_suspects, _ANY),
    Rule("linked_case", 1, references.linked_case, references.linked_case_suspects, _ANY),
    Rule("placeholder", 1, answers.placeholder, answers.placeholder_suspects, _ANY, "answer"),
    Rule(
        "answer_not_option",
        1,
        options.answer_not_option,
        options.answer_not_option_suspects,
        IS_CHOICE,
        shows="answer",
    ),
    Rule(
        "answer_repeats_question",
        0.95,
        answers.answer_repeats_question,
        answers.answer_repeats_question_suspects,
        IS_OPEN,
        shows="answer",
    ),
    Rule(
        "option_repeats_question",
        0.9,
        options.option_repeats_question,
        options.option_repeats_question_suspects,
        IS_CHOICE,
        shows="options",
    ),
    Rule(
        "option_names_options",
        2,
        options.option_names_options,
        options.option_names_options_suspects,
        IS_CHOICE,
        shows="options",
    ),
    Rule(
        "above_not_last",
        2,
        options.above_not_last,
        options.above_not_last_suspects,
        IS_CHOICE,
        shows="options",
    ),
    Rule(
        "rationale_other_key",
        1,
        references.rationale_other_key,
        references.rationale_suspects,
        IS_CHOICE & HAS_RATIONALE,
        shows="rationale",
    ),
    text_rule(defects.mojibake, 1, _ANY, _EVERYWHERE),
    text_rule(defects.repeated_ngrams, 0.46, _ANY, _WRITTEN, max),
    text_rule(defects.repeated_paragraph, 5, _ANY, _WRITTEN),
    text_rule(defects.bare_list, 1, IS_OPEN, ("answer",)),
    # Seldom a reason to lose the row: what they find stands beside a sound text.
    text_rule(defects.markup, None, _ANY, _EVERYWHERE),
    text_rule(defects.boilerplate, None, IS_OPEN, ("answer",)),
    text_rule(defects.urls, None, _ANY, _EVERYWHERE),
    text_rule(defects.citation, None, _ANY, _EVERYWHERE),
    text_rule(defects.cut_off, None, IS_OPEN, ("answer",), max_read=None),
)
