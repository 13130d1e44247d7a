"""Near-duplicates in six languages: found by MinHash, proved by exact Jaccard, judged by a guard.

`deduplicate` is the whole path in memory; the stage `deduplicate` and `mmed dedup` take the same
steps over shards and row groups.
"""

from pipeline.dedup.whole import Found, deduplicate

__all__ = ["Found", "deduplicate"]
