"""The nouns: frozen dataclasses on the standard library alone. A value that was built is valid."""
