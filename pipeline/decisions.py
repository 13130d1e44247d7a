"""What a global stage decides about records, and how its decisions change a shard."""

from __future__ import annotations

import polars as pl

from pipeline.frames import (
    DROP_COLUMNS,
    EVIDENCE_CHARACTERS,
    ITEM_COLUMNS,
    StageResult,
    split_by_reason,
)

# What `GlobalStage.decide` returns. `flag` may occur several times for one id. `group_id` and
# `split` are set where not null, whatever the decision.
DECISIONS = pl.Schema(
    {
        "id": pl.String,
        "decision": pl.String,  # keep | drop | flag
        "reason": pl.String,
        "evidence": pl.String,
        "value": pl.Float64,
        "threshold": pl.Float64,
        "other_id": pl.String,
        "group_id": pl.String,
        "split": pl.String,
    }
)


def decided(shard: pl.DataFrame, decisions: pl.DataFrame) -> StageResult:
    """Apply decisions to the rows that they name; the other rows are kept as they are."""
    drops = decisions.filter(pl.col("decision") == "drop").unique(
        "id", keep="first", maintain_order=True
    )
    drops = drops.select("id", *list(DROP_COLUMNS)[:-1], kept_instead="other_id")
    fields = pl.struct(name="reason", other_id="other_id", value="value", evidence="evidence")
    flags = decisions.filter(pl.col("decision") == "flag").group_by("id", maintain_order=True)
    new_flags = flags.agg(fields.alias("new_flags"))
    places = decisions.group_by("id").agg(
        pl.col("group_id").drop_nulls().first().alias("new_group"),
        pl.col("split").drop_nulls().first().alias("new_split"),
    )
    # A decision that needs no words of its own shows the (masked) question as evidence.
    question = pl.col("question").str.slice(0, EVIDENCE_CHARACTERS // 2)
    joined = shard
    for other in (drops, new_flags, places):
        joined = joined.join(other, on="id", how="left", maintain_order="left")
    judged = joined.with_columns(
        evidence=pl.when(pl.col("reason").is_not_null()).then(pl.coalesce("evidence", question)),
        group_id=pl.coalesce("new_group", "group_id"),
        split=pl.coalesce("new_split", "split"),
        flags=pl.when(pl.col("new_flags").is_null())
        .then("flags")
        # A second instance of a stage finds again what the first one found.
        .otherwise(
            pl.concat_list("flags", pl.col("new_flags").cast(ITEM_COLUMNS["flags"])).list.unique(
                maintain_order=True
            )
        ),
    )
    return split_by_reason(judged)
