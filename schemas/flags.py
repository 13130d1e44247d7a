"""What a published row can be flagged with: the closed list, and what each flag says of a row."""

from __future__ import annotations

from schemas.ledger import REASONS

# One sentence each; report and card print it after the count. Rows that upstream flags as unusable
# are dropped, save those of a case that the parser found.
FLAGS: dict[str, str] = {
    "linked_case": "The question continues a case, which is in the row's context.",
    # language, mask, review
    "mixed_language": "A part of the text is in another language than the rest.",
    "personal_data": "Personal data in the text was replaced by placeholders.",
    "review_outdated": "The text changed after a reviewer judged it, so the verdict was not used.",
    "parent_corrected": "The row was made of one that a reviewer has corrected since.",
    "review_refused": "A reviewer's correction could not be applied.",
    # augment
    "rationale_rejected": "A model's rationale did not lead back to the key, or failed a check.",
    "llm_score_missing": "The model that was to score the row gave no usable answer.",
    # deduplicate, decontaminate
    "near_duplicate": "Another row says nearly the same, but differs in what it asks or says.",
    "oversized_group": "The row's group was larger than the recipe allows, so it stays in train.",
    "capped_bucket": "So many rows look like this one that it was compared with some of them only.",
    "benchmark_run": REASONS["benchmark_run"],
    "validation_run": REASONS["validation_run"],
}
