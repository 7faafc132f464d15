"""Texts as vectors, and vectors as slots of a prompt."""
