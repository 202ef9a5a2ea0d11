"""Squawk's rules: which we listen to, how much each weighs with us, and what is written instead.

What our own checks say better is left out, so that nothing is said twice.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.domain.finding import Level, Tag

BLOCK, WARN, NOTE = Level.BLOCK, Level.WARN, Level.NOTE


class Words(NamedTuple):
    """A rule's level, what it locks or loses, and the safe form; `{table}` is the one that the statement names."""

    level: Level
    effect: str
    safe: str
    weighs: bool = False
    tags: tuple[Tag, ...] = ()
    waivable: bool = True


_VALIDATE = "ALTER TABLE {table} VALIDATE CONSTRAINT books_rule; -- in a file of its own, later"
_CHECK = (
    "ALTER TABLE {table} ADD CONSTRAINT books_rule CHECK (region IS NOT NULL) NOT VALID; -- now\n" + _VALIDATE
)
_FOREIGN = (
    "ALTER TABLE {table} ADD CONSTRAINT books_author_fkey FOREIGN KEY (author_id)\n"
    "  REFERENCES public.authors (id) NOT VALID; -- now\n"
    "ALTER TABLE {table} VALIDATE CONSTRAINT books_author_fkey; -- in a file of its own, later"
)
_UNIQUE = (
    "CREATE UNIQUE INDEX CONCURRENTLY books_isbn_key ON {table} (isbn); -- alone in its file\n"
    "ALTER TABLE {table} ADD CONSTRAINT books_isbn_key UNIQUE USING INDEX books_isbn_key; -- in the next one"
)
_WIDEN = (
    "ALTER TABLE {table} ADD COLUMN sold_new bigint; -- then write both, copy in batches, read the new one,\n"
    "ALTER TABLE {table} DROP COLUMN sold; -- and drop the old one once nobody reads it"
)
_RENAME = (
    "ALTER TABLE {table} ADD COLUMN new_name text; -- then write both, copy, read the new one, drop the old one"
)
_BIGINT = "-- id bigint"
_SHARE, _EXCLUSIVE = "Writers of {table} wait while it works.", "Readers and writers of {table} wait while it works."
_APP = "Code that runs now and uses the old name or shape fails at once."
_OPEN = (Tag.SECURITY,)

RULES: dict[str, Words] = {
    "syntax-error": Words(BLOCK, "Postgres would refuse the file.", "SELECT 1;", waivable=False),
    "require-concurrent-index-creation": Words(
        WARN, _SHARE, "CREATE INDEX CONCURRENTLY books_title_idx ON {table} (title); -- alone in its file",
        weighs=True),
    "require-concurrent-index-deletion": Words(
        WARN, _EXCLUSIVE, "DROP INDEX CONCURRENTLY public.books_title_idx; -- alone in its file"),
    "require-concurrent-reindex": Words(
        BLOCK, _EXCLUSIVE, "REINDEX INDEX CONCURRENTLY public.books_title_idx; -- alone in its file", weighs=True),
    "require-concurrent-partition-detach": Words(
        WARN, _EXCLUSIVE, "ALTER TABLE {table} DETACH PARTITION public.books_2025 CONCURRENTLY; -- alone in its file",
        weighs=True),
    "constraint-missing-not-valid": Words(BLOCK, _SHARE, _CHECK, weighs=True),
    "adding-foreign-key-constraint": Words(
        BLOCK, "Writers of both tables wait while every row is checked.", _FOREIGN, weighs=True),
    "disallowed-unique-constraint": Words(BLOCK, _EXCLUSIVE, _UNIQUE, weighs=True),
    "adding-serial-primary-key-field": Words(BLOCK, _EXCLUSIVE, _UNIQUE, weighs=True),
    "adding-required-field": Words(
        BLOCK, "It fails as soon as there is a row, and code that does not know the column can write no more.",
        "ALTER TABLE {table} ADD COLUMN region text NOT NULL DEFAULT 'EU';"),
    "adding-not-nullable-field": Words(BLOCK, _EXCLUSIVE, _CHECK, weighs=True),
    "changing-column-type": Words(
        BLOCK, "The table may be written anew, and code that reads the column meets another type.", _WIDEN,
        weighs=True),
    "renaming-column": Words(BLOCK, _APP, _RENAME),
    "renaming-table": Words(
        BLOCK, _APP,
        "ALTER TABLE {table} RENAME TO volumes;\n"
        "CREATE VIEW {table} WITH (security_invoker = on) AS SELECT * FROM public.volumes;"),
    "renaming-object": Words(BLOCK, _APP, "-- make the new one, move its users over, drop the old one"),
    "ban-set-schema": Words(BLOCK, _APP, "-- make it in the new schema, move its users over, drop the old one"),
    "ban-drop-view": Words(WARN, _APP, "DROP VIEW IF EXISTS public.bestsellers; -- once nobody asks for it"),
    "ban-drop-function": Words(WARN, _APP, "DROP FUNCTION IF EXISTS public.total(bigint); -- once nobody calls it"),
    "ban-drop-constraint": Words(
        WARN, "Rows that break the rule can come in.",
        "ALTER TABLE {table} ADD CONSTRAINT books_rule CHECK (sold >= 0) NOT VALID; -- first, then drop the old one"),
    "ban-drop-not-null": Words(
        WARN, "Readers meet NULL where there was none.", "ALTER TABLE {table} ALTER COLUMN region SET DEFAULT 'EU';"),
    "ban-drop-default": Words(
        WARN, "Code that leaves the column out writes NULL or fails.",
        "ALTER TABLE {table} ALTER COLUMN region SET DEFAULT 'EU';"),
    "ban-drop-generated-expression": Words(
        WARN, "The column is no longer kept up to date.", "-- keep it, or fill it by a trigger first"),
    "ban-alter-identity": Words(
        WARN, "Inserts that relied on it fail or collide.", "-- leave it as it is; make a new column"),
    "require-enum-value-ordering": Words(
        WARN, "The value lands at the end, and stays there.",
        "ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'calm' AFTER 'happy';"),
    "identifier-too-long": Words(
        BLOCK, "Postgres cuts it at 63 bytes, and two names may become one.", "-- a name of at most 63 bytes"),
    "ban-duplicate-column-assignments": Words(BLOCK, "Postgres refuses it.", "-- set each column once"),
    "prefer-bigint-over-int": Words(WARN, "It is full at 2,147,483,647.", _BIGINT),
    "prefer-bigint-over-smallint": Words(WARN, "It is full at 32,767.", _BIGINT),
    "prefer-identity": Words(
        WARN, "Its sequence has rights and an owner of its own.",
        "-- id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    "prefer-text-field": Words(
        WARN, "A longer limit later is another migration.", "-- title text CHECK (length(title) <= 200)"),
    "prefer-timestamp-tz": Words(WARN, "The moment that it means depends on who reads it.", "-- seen_at timestamptz"),
    "ban-char-field": Words(WARN, "It is padded with spaces.", "-- code text"),
    "ban-create-domain-with-constraint": Words(
        WARN, "Its rule cannot be changed without a lock on every table that uses it.",
        "ALTER TABLE public.books ADD CONSTRAINT sold_positive CHECK (sold >= 0) NOT VALID;"),
    "ban-alter-domain-with-add-constraint": Words(
        WARN, "Every table that uses it is read under a lock.",
        "ALTER DOMAIN public.isbn ADD CONSTRAINT isbn_long CHECK (length(VALUE) = 13) NOT VALID;"),
    "prefer-repack": Words(WARN, _EXCLUSIVE, "REPACK (CONCURRENTLY) {table}; -- from Postgres 19 on"),
    "require-table-schema": Words(
        NOTE, "Which table it means depends on search_path.", "ALTER TABLE public.books ADD COLUMN subtitle text;"),
    "ban-create-policy": Words(NOTE, "It decides who reaches which rows.", "", tags=_OPEN),
    "ban-drop-policy": Words(NOTE, "It decides who reaches which rows.", "", tags=_OPEN),
    "ban-alter-policy-condition": Words(NOTE, "It decides who reaches which rows.", "", tags=_OPEN),
    "ban-alter-policy-roles": Words(NOTE, "It decides who reaches which rows.", "", tags=_OPEN),
    "ban-revoke": Words(NOTE, "Those who had the right fail from then on.", "", tags=_OPEN),
    "ban-drop-trigger": Words(
        WARN, "Audit, search or realtime may stop without a word.",
        "CREATE OR REPLACE TRIGGER books_audit AFTER UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION audit();"),
    "ban-replica-identity": Words(
        WARN, "Realtime and replicas may miss old rows, or changes as a whole.",
        "ALTER TABLE {table} REPLICA IDENTITY FULL;"),
    "ban-alter-role-options": Words(WARN, "Everybody with that role is met by it.", "", tags=_OPEN),
    "ban-alter-database-options": Words(WARN, "Every new session is met by it.", ""),
    "ban-alter-system-options": Words(WARN, "The whole server is met by it.", ""),
    "ban-alter-extension": Words(WARN, "Its functions change with it.", ""),
    "ban-alter-function-options": Words(WARN, "Whom it runs as and what it sees may change.", "", tags=_OPEN),
    "ban-alter-view-options": Words(WARN, "Whose rights it reads with may change.", "", tags=_OPEN),
}

OPT_IN = (
    "require-table-schema", "ban-create-policy", "ban-drop-policy", "ban-alter-policy-condition",
    "ban-alter-policy-roles", "ban-revoke", "ban-drop-trigger", "ban-replica-identity", "ban-alter-role-options",
    "ban-alter-database-options", "ban-alter-system-options", "ban-alter-extension", "ban-alter-function-options",
    "ban-alter-view-options",
)

LEFT_OUT = {
    "require-lock-timeout": "the runner sets both time-outs",
    "require-statement-timeout": "the runner sets both time-outs",
    "transaction-nesting": "transaction-control",
    "ban-uncommitted-transaction": "transaction-control",
    "ban-concurrent-index-creation-in-transaction": "non-transactional",
    "prefer-robust-stmts": "if-exists",
    "ban-drop-table": "drop-without-backup", "ban-drop-column": "drop-without-backup",
    "ban-drop-database": "drop-without-backup", "ban-drop-schema": "drop-without-backup",
    "ban-drop-sequence": "drop-without-backup", "ban-drop-type": "drop-without-backup",
    "ban-drop-domain": "drop-without-backup", "ban-drop-extension": "drop-without-backup",
    "ban-truncate-cascade": "cascade",
    "adding-field-with-default": "adding-field-with-default",
}
"""Squawk's rules that are off here, and which check of ours looks instead."""
