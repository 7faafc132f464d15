"""From files that nobody has described to a first description, which a person corrects."""
