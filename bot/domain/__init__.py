"""The nouns: frozen values and the moves between them, without I/O."""
