"""How many tokens a text may be, without any model's tokenizer: rather too many than too few."""

from __future__ import annotations

import json
from math import ceil

from pipeline.llm.request import Request

# Tokens per character by the number of its UTF-8 bytes, which tells scripts apart at the speed of
# the codec: one byte is English, two are Cyrillic and accented letters, three are Chinese, Japanese
# and typographic marks. So that no text of 60 characters and more of the starter corpus comes out
# below what the tokenizers cl100k, Claude 2 or DeepSeek make of it (1.1 to 2.5 times as many in
# all). Requests are sized by it, so a change here changes their keys.
_PER_ASCII = 0.4
_PER_TWO_BYTES = 0.75
_PER_WIDE = 1.7
_PER_DIGIT = 1.0  # many models read a number digit by digit
_PER_MESSAGE = 8  # the marks of a turn


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text is."""
    num_ascii = len(text.encode("ascii", "ignore"))
    num_other = len(text) - num_ascii
    num_wide = len(text.encode("utf-8", "surrogatepass")) - num_ascii - 2 * num_other
    num_digits = sum(map(text.count, "0123456789"))
    return ceil(
        (num_ascii - num_digits) * _PER_ASCII
        + num_digits * _PER_DIGIT
        + max(0, num_other - num_wide) * _PER_TWO_BYTES
        + num_wide * _PER_WIDE
    )


def prompt_tokens(request: Request) -> int:
    """Return about how many tokens a request sends, its schema told in words."""
    texts = [one.content for one in request.messages]
    if request.schema is not None:
        texts.append(json.dumps(request.schema, ensure_ascii=False))
    return _PER_MESSAGE + sum(estimate_tokens(text) + _PER_MESSAGE for text in texts)
