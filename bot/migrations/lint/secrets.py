"""No secret stands in a migration: the history keeps it for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Source

RULE = Rule(
    name="secrets", level=Level.BLOCK, tags=(Tag.SECURITY,), waivable=False,
    why="The repository and the migration history keep it for ever, for everybody who may read either",
    effect="The secret has to be taken as known: change it where it is used.",
    safe="SELECT decrypted_secret FROM vault.decrypted_secrets WHERE name = 'stripe_key'; -- where it is needed",
)
_SECRETS = tuple((re.compile(pattern), what) for pattern, what in (
    (r"(?<=[A-Za-z0-9_-]{10})\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", "a JSON Web Token"),
    (r"\bsb_secret_[A-Za-z0-9_-]{16,}", "a secret key of Supabase"),
    (r"\bsbp_[a-f0-9]{32,}", "an access token of Supabase"),
    (r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", "a secret key of Stripe"),
    (r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}", "a token of GitHub"),
    (r"\bAKIA[0-9A-Z]{16}\b", "an access key of AWS"),
    (r"\bxox[abprs]-[A-Za-z0-9-]{16,}", "a token of Slack"),
    (r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{24,}", "an API key"),
    (r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", "a private key"),
    (r"postgres(?:ql)?://[^\s:@/']+:([^\s@/']{4,})@", "a database address with its password"),
    (r"(?i)\bcrypt\s*\(\s*'([^']{4,})'\s*,\s*(?:extensions\.)?gen_salt\b", "a password"),
    (r"(?i)\bset\s+[\"\w]{1,200}\.[\"\w.]{0,200}(?:secret|password|service_role_key|token)[\"\w]{0,200}\s*(?:=|to)"
     r"\s*'([^']{12,})'", "a secret in a setting"),
))
_OF_ROLE = re.compile(
    r"(?i)(?P<role>\b(?:create|alter)\s+(?:role|user)\b)|(?P<end>;)|\bpassword\s+'(?P<password>[^']+)'",
)
# What stands for a secret that its reader fills in, and the keys of every local stack, which are public.
_STANDS_FOR = re.compile(
    r"(?i:your|paste|insert|enter|replace|change|example|placeholder|dummy|todo)(?:[ _-]?[A-Za-z]++)*+"
    r"|<.*>|\[.*\]|\{.*\}|\$\{\w+\}|\$[A-Z_]+|%\w+%|[Xx*.-]+",
)
_DEMO = ".eyJpc3MiOiJzdXBhYmFzZS1kZW1v"
_WORTH_A_LOOK = (
    "eyj", "sb_secret", "sbp_", "k_live", "k_test", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "akia", "xox",
    "sk-", "gen_salt", "private key", "://", "password",
    "secret", "service_role_key", "token",
)


def text(source: Source) -> Iterator[Finding]:
    """Anywhere in the file, comments too. What was found is not repeated."""
    if not source.holds(*_WORTH_A_LOOK):
        return
    for pattern, what in _SECRETS:
        for found in pattern.finditer(source.text):
            if _STANDS_FOR.fullmatch(found[1]) if pattern.groups else _DEMO in found[0]:
                continue
            yield _at(source, found.start(), what)
    role = None
    for found in _OF_ROLE.finditer(source.text):
        if found["role"] or found["end"]:
            role = found if found["role"] else None
        elif role and not _STANDS_FOR.fullmatch(found["password"]):
            yield _at(source, role.start(), "a password")


def _at(source: Source, place: int, what: str) -> Finding:
    line = source.text.count("\n", 0, place) + 1
    return RULE.on(source.name, line, f"This looks like {what}. {RULE.why}.")
