"""Dumps of production: taken by pg_dump, proven before they count, kept outside of the project."""
