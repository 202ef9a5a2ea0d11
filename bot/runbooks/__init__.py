"""The runbooks as lists of named stages, and the walker that takes records down them."""
