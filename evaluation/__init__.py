"""What is true and how well it is predicted: holdout, baselines without a model, metrics. No model and no Spark."""
