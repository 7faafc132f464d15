"""One file a table: its columns with meaning and unit, its row rules and what a batch must satisfy."""
