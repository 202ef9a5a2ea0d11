"""What Stagedoor asks of the world; each port has its adapters in one place and one contract test. Import from here."""

from bot.ports.applying import Applier, Done, Failed, InDoubt, Job, Noting, Step
from bot.ports.backups import Backups, Dump, PlatformBackups, Reporting
from bot.ports.code import Added, CodeHost, Listing, Migrations
from bot.ports.database import Busy, Database, KeptRows, Moved
from bot.ports.deeds import Levers, Pager, Turned
from bot.ports.journal import Delivery, Inbox, Journal, Opens, Put, Shelves, Take
from bot.ports.log_source import PAGE, Cursor, LogSource, Page, PollTrouble, Requests, Row
from bot.ports.people import Clock, People, Work
from bot.ports.sights import Health, NoPages, Pages, Pictures, Vitals
from bot.ports.tallies import Tallies, read_up_to

__all__ = [
    "PAGE",
    "Added",
    "Applier",
    "Backups",
    "Busy",
    "Clock",
    "CodeHost",
    "Cursor",
    "Database",
    "Delivery",
    "Done",
    "Dump",
    "Failed",
    "Health",
    "InDoubt",
    "Inbox",
    "Job",
    "Journal",
    "KeptRows",
    "Levers",
    "Listing",
    "LogSource",
    "Migrations",
    "Moved",
    "NoPages",
    "Noting",
    "Opens",
    "Page",
    "Pager",
    "Pages",
    "People",
    "Pictures",
    "PlatformBackups",
    "PollTrouble",
    "Put",
    "Reporting",
    "Requests",
    "Row",
    "Shelves",
    "Step",
    "Take",
    "Tallies",
    "Turned",
    "Vitals",
    "Work",
    "read_up_to",
]
