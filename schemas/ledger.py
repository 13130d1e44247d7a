"""Why rows leave: the closed list of drop reasons, and the schema of the ledger."""

from __future__ import annotations

import pyarrow as pa

# One sentence each; report and card print it after the count.
REASONS: dict[str, str] = {
    # ingest: the upstream row gives no usable record
    "invalid_record": "The upstream row could not be read as its format demands.",
    "missing_field": "A field that the source always has is missing or empty.",
    "empty_question": "The question is empty.",
    "empty_answer": "Upstream gives no answer text.",
    "repeated_key": "Another row of the same source carries the same upstream key.",
    "no_key": "Upstream names no correct option.",
    "ambiguous_key": "Upstream accepts alternative keys, so no single answer can be taught.",
    "key_out_of_range": "The key names an option that does not exist.",
    "missing_option": "An option is empty, or fewer than two options are given.",
    "duplicate_options": "Two options say the same.",
    "image_dependent": "The question cannot be answered without its picture.",
    "linked_case": "The question continues a case that is not part of the row.",
    "truncated_answer": "Upstream cut the answer off.",
    "list_without_answer": "The answer is a list of links or of percentages, not an explanation.",
    "shared_paragraph": "The answer is a paragraph that upstream repeats under many questions.",
    "answer_length": "The answer is shorter or longer than the source's rule allows.",
    "over_focus_limit": "Upstream asks more questions about this subject than the source's rule.",
    "license_unknown": "The licence is unknown, and the recipe does not name the source for it.",
    "license_excluded": "The recipe's choice of licences leaves this row's licence out.",
    "form_excluded": "The recipe leaves this form of the source out.",
    "over_source_rows": "The recipe reads at most so many rows of this source.",
    # select
    "language_mismatch": "The text is confidently in another language than declared.",
    "topic_excluded": "The topic is outside medicine or left out by the recipe.",
    "question_too_short": "The question is shorter than the recipe allows.",
    "question_too_long": "The question is longer than the recipe allows.",
    "answer_too_short": "The answer is shorter than the recipe allows.",
    "answer_too_long": "The answer is longer than the recipe allows.",
    "option_too_long": "An option is longer than the recipe allows.",
    "rationale_too_long": "The rationale is longer than the recipe allows.",
    "placeholder": "The answer or an option is a placeholder, such as “not recalled”.",
    "answer_not_option": "The answer is not the text of the keyed options.",
    "answer_repeats_question": "The answer says the question again and nothing else.",
    "option_repeats_question": "An option says the question again.",
    "option_names_options": "An option names others by numbers, where a release shows letters.",
    "above_not_last": "An option speaks of all above it, and further options follow it.",
    "rationale_other_key": "The rationale names another option as the right one.",
    "mojibake": "The text holds garbled characters.",
    "markup": "The text holds remains of HTML, LaTeX or a template.",
    "repeated_ngrams": "Most of the answer or rationale repeats itself.",
    "repeated_paragraph": "The answer or rationale says the same sentences twice.",
    "boilerplate": "The answer holds phrases of a web page or a letter.",
    "urls": "The text holds web or e-mail addresses.",
    "citation": "The text holds remains of a bibliographic reference.",
    "cut_off": "The answer stops in the middle of a sentence.",
    "bare_list": "The answer only names other pages.",
    # deduplicate, decontaminate
    "exact_duplicate": "Another kept row has the same question and options, or answer.",
    "near_duplicate": "Another kept row says the same with small changes of wording.",
    "conflicting_key": "The same question and options, or their translation, has two keys.",
    "benchmark_root": "The row descends from a benchmark item or is parallel to one.",
    "benchmark_question": "The question is that of a benchmark item.",
    "benchmark_similar": "The row asks nearly the whole of a benchmark item.",
    "benchmark_run": "The row shares 64 consecutive letters and digits with a benchmark item.",
    "validation_root": "The row descends from an upstream validation item or is parallel to one.",
    "validation_question": "The question is that of an upstream validation item.",
    "validation_similar": "The row asks nearly the whole of an upstream validation item.",
    "validation_run": "The row shares 64 consecutive letters and digits with a validation item.",
    # review, mix, split
    "reviewer_rejected": "A reviewer rejected the record.",
    "over_quota": "A cap of the mix was already full; rows are taken in id-hash order.",
    "test_sibling": "Its multiple-choice sibling is in the test split, which MMed-IFT has not.",
    "role_benchmark": "A benchmark item: used to clean the training rows, never published.",
    "role_validation": "An upstream validation item: used to clean the rows, never published.",
    "role_reference": "A reference row: read for other stages, not published unless a recipe asks.",
}

LEDGER = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("kept_instead", pa.string()),
    ]
)
