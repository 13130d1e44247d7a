"""Fine-tuning: releases become token pools, plans, packs and trained models.

Runs where only numpy, torch, triton, transformers and peft are: nothing here imports the rest of
`pipeline`, save `pipeline.errors` and `pipeline.lock`.
"""
