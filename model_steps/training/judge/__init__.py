"""Tuning the judge's sub-evaluators on labelled cases (PAPER 2.3)."""
