"""The jobs of a run."""
