"""Finds benchmark and upstream validation items in other texts, by loose measures and no guard.

`find` has what the stage `decontaminate` and `mmed verify` ask for; `containment` and `runs` are
the two measures, over the streams of letters that `streams` makes of folded texts.
"""
