"""Definition files: safe YAML with line numbers, held against a model, with every fault and not the first alone."""
