"""Looks at production: gathers what databases and logs show, has the rules judge it, and raises alerts."""
