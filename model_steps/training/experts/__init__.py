"""Supervised fine-tuning of the experts: what they are asked and taught, the model with its adapter, the loop."""
