"""What an audit judges, by which rules, and how it is shown."""
