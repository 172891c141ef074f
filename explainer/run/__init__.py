"""A run: jobs over a whole dataset, their records to the sinks."""
