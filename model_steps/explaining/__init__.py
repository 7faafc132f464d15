"""Explanations: items for tags, a style for each, a caption in it, and the rules that captions keep (PAPER 1.5)."""
