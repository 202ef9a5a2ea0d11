"""What realtime sends out is protected, and complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Analysis, Rule, sentence
from bot.migrations.sql.tree import quoted

RULE = Rule(
    name="realtime", level=Level.WARN, tags=(Tag.SECURITY,),
    why="Every change of it goes out to whoever listens; without REPLICA IDENTITY FULL the old row does not",
    safe="ALTER TABLE public.books ENABLE ROW LEVEL SECURITY;\nALTER TABLE public.books REPLICA IDENTITY FULL;\n"
         "ALTER PUBLICATION supabase_realtime ADD TABLE public.books;",
)


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """A table joins supabase_realtime, and the set sets neither its security nor its identity."""
    on = {fact.subject for file in pending for fact in file.named("rls")}
    whole = {fact.subject for file in pending for fact in file.named("identity")}
    for file in pending:
        for fact in file.named("published"):
            if fact.detail == "supabase_realtime" and not (fact.subject in on and fact.subject in whole):
                every = fact.subject.startswith("every ")
                later = ", also those made later" if every else ""
                said = f"{sentence(fact.subject)} joins realtime{later}. {RULE.why}."
                safe = RULE.safe if every else RULE.safe.replace("public.books", quoted(fact.subject))
                yield RULE.on(file.file, fact.line, said, table="" if every else fact.subject, safe=safe)
