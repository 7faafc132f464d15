"""What ``make`` calls on one machine: Java, Airflow's processes, live progress, the result table."""
