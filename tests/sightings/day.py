"""A day of a Supabase project in its logs, hand-made after what the platform's parts write: nothing is wrong.

People read this day's alerts to judge the rules: none of it is worth a message at two in the morning.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.sightings.events import event, postgres

Event = dict[str, Any]
Maker = Callable[[random.Random, datetime], Event]
TABLES = ("books", "authors", "orders", "profiles", "reviews")
SCANS = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin", "/rest/v1/", "/rest/v1/users", "/actuator/health")


def edge(path: str, status: int, method: str = "GET") -> Maker:
    def made(dice: random.Random, at: datetime) -> Event:
        return event(
            f"{method} | {status} | 203.0.113.{dice.randrange(255)} | {dice.random()}", at,
            request={"method": method, "path": path, "headers": {"cf_connecting_ip": "203.0.113.7"}},
            response={"status_code": status},
        )
    return made


def pg(message: str, state: str, severity: str = "ERROR", **parsed: Any) -> Maker:
    """A line of Postgres; `{}` in it is another value each time, and each comes from another session."""
    def made(dice: random.Random, at: datetime) -> Event:
        return postgres(
            message.format(dice.randrange(10**6)), at, severity=severity, state=state,
            session_id=f"6a8681aa.{dice.randrange(10**5):x}", **parsed,
        )
    return made


def log(message: str, **metadata: Any) -> Maker:
    return lambda dice, at: event(message.format(dice.randrange(10**6)), at, **metadata)


def auth(level: str, status: int, path: str, **more: Any) -> Maker:
    told = {"level": level, "status": str(status), "path": path, "method": "POST", "component": "api", **more}
    return lambda dice, at: event(json.dumps(told), at, **told)


def typed(dice: random.Random, at: datetime) -> Event:
    """Somebody tries things in the dashboard's SQL editor."""
    session = f"6a8681aa.{dice.randrange(10**5):x}"
    message, state = dice.choice((
        ('column "nmae" does not exist', "42703"), ('syntax error at or near "fro"', "42601"),
        ('relation "book" does not exist', "42P01"), ("operator does not exist: text = integer", "42883"),
        ('column "b.tilte" does not exist', "42703"), ('column reference "id" is ambiguous', "42702"),
        ('relation "order_items_tmp" already exists', "42P07"),
        ('column "books.id" must appear in the GROUP BY clause or be used in an aggregate function', "42803"),
    ))
    return postgres(message, at, state=state, user_name="postgres", session_id=session)


SOMETIMES: tuple[tuple[float, Maker], ...] = (
    # what the platform does by itself, times an hour
    (12, pg("checkpoint starting: time", "00000", "LOG")),
    (12, pg("checkpoint complete: wrote {} buffers (0.1%); 0 WAL file(s) added", "00000", "LOG")),
    (20, pg('automatic vacuum of table "postgres.public.books": index scans: {}', "00000", "LOG")),
    (60, pg("cron job 3 starting: select tidy()", "00000", "LOG", backend_type="pg_cron launcher")),
    (30, pg("could not receive data from client: Connection reset by peer", "08006", "LOG")),
    (3, pg("unexpected EOF on client connection with an open transaction", "08006", "LOG")),
    (2, pg("invalid length of startup packet", "08P01", "LOG")),
    (6, log("Schema cache queried in {} milliseconds", project="x")),
    (6, log('Received a schema cache reload message on the "pgrst" channel', project="x")),
    (40, log("booted (time: {}ms)", event_type="Boot", level="log", function_id="f")),
    (40, log("shutdown", event_type="Shutdown", level="log", function_id="f")),
    (30, log("ChannelRateLimitReached: Too many channels", level="error", external_id="x", measurements={"a": 1})),
    (0.1, pg('replication slot "supabase_realtime_messages_replication_slot_v{}" is active for PID 4242', "55006",
             user_name="supabase_admin", backend_type="walsender")),
    (0.3, pg("canceling statement due to statement timeout", "57014", user_name="supabase_admin")),
    (0.2, pg("canceling statement due to user request", "57014", user_name="postgres")),
    (0.1, pg("terminating connection due to administrator command", "57P01", "FATAL", user_name="authenticator")),
    (0.1, log('Failed listening for database notifications on the "pgrst" channel. FATAL:  terminating connection due '
              "to administrator command", project="x")),
    # people outside, and their programs
    (900, edge("/rest/v1/books", 200)), (400, edge("/auth/v1/token", 200, "POST")),
    (300, edge("/storage/v1/object/public/covers/1.png", 200)), (120, edge("/functions/v1/charge", 200, "POST")),
    (80, edge("/rest/v1/rpc/search", 200, "POST")), (100, edge("/realtime/v1/websocket", 101)),
    (60, edge("/auth/v1/health", 200)), (40, edge("/auth/v1/token", 400, "POST")), (60, edge("/rest/v1/books", 401)),
    (40, edge("/rest/v1/orders", 406)), (10, edge("/rest/v1/orders", 409, "POST")),
    (0.3, edge("/rest/v1/books", 502)), (0.2, edge("/rest/v1/rpc/search", 504, "POST")),
    (0.2, edge("/functions/v1/charge", 546, "POST")), (0.2, edge("/storage/v1/object/public/covers/1.png", 544)),
    (0.5, edge("/rest/v1/books", 520)), (0.2, edge("/auth/v1/token", 504, "POST")),
    (20, auth("info", 400, "/token", msg="400: Invalid Refresh Token: Refresh Token Not Found")),
    (20, auth("info", 403, "/user", msg="403: invalid JWT: token is expired", error="token is expired")),
    (5, auth("warning", 429, "/otp", msg="429: Email rate limit exceeded")),
    (4, log("Object not found", level="warn", req={"url": "/object/covers/{}"}, res={"statusCode": "400"})),
    (8, pg('duplicate key value violates unique constraint "profiles_email_key"', "23505", user_name="authenticated")),
    (20, pg('invalid input syntax for type uuid: "undefined"', "22P02", user_name="anon")),
    (3, pg('new row violates row-level security policy for table "reviews"', "42501", user_name="anon")),
    (2, pg("permission denied for table orders", "42501", user_name="anon")),
    (0.5, pg("canceling statement due to statement timeout", "57014", user_name="authenticated")),
    (0.4, pg("canceling statement due to statement timeout", "57014", user_name="anon")),
    (6, pg('password authentication failed for user "postgres"', "28P01", "FATAL", user_name="postgres")),
    (2, pg('password authentication failed for user "admin{}"', "28P01", "FATAL", user_name="admin")),
    (0.5, pg('no pg_hba.conf entry for host "198.51.100.7", user "root", database "root", no encryption', "28000",
             "FATAL", user_name="root")),
    (1, pg("unsupported frontend protocol 0.0: server supports 3.0 to 3.0", "0A000", "FATAL", user_name="")),
    (0.5, pg("unsupported frontend protocol 255.255: server supports 3.0 to 3.0", "0A000", "FATAL", user_name="")),
    (0.3, pg("no PostgreSQL user name specified in startup packet", "28000", "FATAL", user_name="")),
    (0.3, pg('database "postgress" does not exist', "3D000", "FATAL", user_name="postgres")),
    (0.3, pg("canceling authentication due to timeout", "57014", "FATAL", user_name="postgres")),
    (0.5, pg("connection to client lost", "08006", "FATAL", user_name="authenticator")),
    (0.2, pg("terminating connection due to idle-in-transaction timeout", "25P03", "FATAL", user_name="postgres")),
    (0.2, pg("terminating connection due to idle-session timeout", "57P05", "FATAL", user_name="postgres")),
    (0.5, typed),
    (0.2, pg('duration: {}.5 ms  statement: select count(*) from public.reviews -- source: dashboard', "00000", "LOG",
             user_name="postgres")),
)


def day(begin: datetime, seed: int = 1) -> Iterator[tuple[datetime, list[Event]]]:
    """The day's batches in order, with the moment at which each arrives; the night is a fifth of the day."""
    dice, at, step = random.Random(seed), begin, timedelta(minutes=5)
    while at < begin + timedelta(days=1):
        busy = 1.0 if 7 <= at.hour < 23 else 0.2
        batch = [
            made(dice, at + step * dice.random())
            for often, made in SOMETIMES for _ in range(_times(dice, often * busy * (step / timedelta(hours=1))))
        ]
        for _ in range(_times(dice, 0.3)):      # a scanner walks by
            batch += [edge(path, dice.choice((401, 404)))(dice, at + step * dice.random()) for path in SCANS]
        dice.shuffle(batch)
        at += step
        yield at, batch


def _times(dice: random.Random, expected: float) -> int:
    """A whole number that is so much on average."""
    whole = int(expected)
    return whole + (dice.random() < expected - whole)
