"""One file a step that needs a model, and the packages they share. Imports neither airflow nor pyspark."""
