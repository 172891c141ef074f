"""What a run looks like; importing this loads no MindSpore."""
