"""Files as they are kept: definitions as safe YAML with line numbers, held against a model, with every fault and not
the first alone; the types of columns in Parquet."""
