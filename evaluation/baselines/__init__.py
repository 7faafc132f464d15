"""Baselines without a model, one a file: pure functions that give a score to every user and category.

A list is the best of them (``evaluation.grid.best``).
"""
