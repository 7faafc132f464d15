"""What the evaluation asks of the model: intents of chosen users, kept apart from what is published."""
