"""Training of the explainer: judged captions of the closed form, by SFT and then GRPO (PAPER 1.5)."""
