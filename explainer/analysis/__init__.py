"""Numbers about a run, for whoever reads one; importing this loads no MindSpore."""
