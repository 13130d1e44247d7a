"""Loads and streams configurations of a dataset folder with `datasets`, and prints JSON.

Run as a file of its own, in a process of its own: `datasets` reads its offline switches when it
is imported. It imports nothing of this project. Arguments: the folder, a cache folder, the names.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import Any

import datasets


def load(folder: str, cache: str, config: str) -> dict[str, Any]:
    """Return rows, rows streamed and Arrow schema per split, or the error that it ended with."""
    try:
        # The two ways of `load_dataset`, which would read the card's head anew for each.
        builder = datasets.load_dataset_builder(folder, config, cache_dir=cache)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
        streams = builder.as_streaming_dataset()
        streamed = {split: count(stream) for split, stream in streams.items()}
    except Exception as error:  # whatever a user would meet is the finding
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    return {
        split: {
            "rows": part.num_rows,
            "streamed": streamed.get(split, 0),
            "schema": base64.b64encode(
                part.features.arrow_schema.remove_metadata().serialize()
            ).decode(),
        }
        for split, part in loaded.items()
    }


def count(stream: datasets.IterableDataset) -> int:
    """Return the rows of a stream, read in batches of Arrow."""
    return sum(batch.num_rows for batch in stream.with_format("arrow").iter(batch_size=1000))


if __name__ == "__main__":
    given_folder, given_cache, *names = sys.argv[1:]
    found = {name: load(given_folder, given_cache, name) for name in names}
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()
    # Python's own end meets threads that pyarrow has left behind a stream, and aborts one time in
    # six (huggingface/datasets#7566).
    os._exit(0)
