"""Tuning the language model with a LoRA adapter on trees of answers: experts and judges are taught this way."""
