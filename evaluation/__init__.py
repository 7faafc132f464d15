"""What is true and how well it is foretold: splits, rivals without a model, metrics. Imports no model and no Spark."""
