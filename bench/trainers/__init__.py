"""A training step of ours and of TRL used plainly, on the same model and the same material."""
