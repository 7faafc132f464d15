"""Judge-as-a-Reward: the judge distilled into one number, which a trainer can climb (PAPER 2.4)."""
