"""Training of the reward model, and the model itself: a tuned judge with a scalar head (PAPER 2.4)."""
