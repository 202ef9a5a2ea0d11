"""The shapes of single variables; a wrong one is told in words that never repeat its value, for many are secrets."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

DIRECT: Final = "use the direct address or the session pooler's, both on port 5432"
PLACEHOLDER: Final = "still holds the placeholder for the password: put the database's password in its place"


def _bot_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().startswith(("xoxb-", "xoxe.xoxb-")):
        raise ValueError("is no bot token: copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions")
    return token


def _app_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().startswith("xapp-"):
        raise ValueError(
            "is no app-level token: make one (xapp-…, connections:write) under Basic Information, App-Level Tokens",
        )
    return token


def _signing_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if value.startswith(("xox", "xapp-")) or re.search(r"\s", value):
        raise ValueError("is no signing secret: copy Signing Secret from Basic Information, App Credentials")
    return secret


def _link_key(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 16:
        raise ValueError("is shorter than 16 characters: use a long random text, or leave it out")
    return secret


def split_address(text: str, *schemes: str) -> SplitResult:
    """The parts of an address. Raises ValueError, without the text in it, when it has another scheme or no host."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        raise ValueError(f"is no usable address: it must read {' or '.join(f'{scheme}://HOST…' for scheme in schemes)}")
    return parts


def _web_address(text: str) -> str:
    split_address(text, "https", "http")
    return text


def _secret_web_address(secret: SecretStr) -> SecretStr:
    split_address(secret.get_secret_value(), "https", "http")
    return secret


def _public_address(text: str) -> str:
    if split_address(text, "https", "http").query:
        raise ValueError("must be a plain address without a query, such as https://stagedoor.example")
    return text.rstrip("/")


def _slack_api(text: str) -> str:
    split_address(text, "https", "http")
    if not text.endswith("/api/"):
        raise ValueError("must end in /api/, such as https://slack.com/api/")
    return text


def _bucket(secret: SecretStr) -> SecretStr:
    split_address(secret.get_secret_value(), "s3", "https", "http")
    return secret


def _database(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if "[YOUR-PASSWORD]" in text.upper():
        raise ValueError(PLACEHOLDER)
    try:
        parts = urlsplit(text)
        options = parse_qs(parts.query)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        ports = {urlsplit(f"//{host}").port for host in hosts} | {int(port) for port in options.get("port", ())}
    except ValueError:
        raise ValueError(
            "cannot be read: percent-encode special characters of the password (@ is %40, / is %2F, # is %23)",
        ) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("must read postgresql://USER:PASSWORD@HOST:5432/DATABASE")
    if not (hosts[0] or options.get("host")):
        raise ValueError("names no host; it must read postgresql://USER:PASSWORD@HOST:5432/DATABASE")
    if parts.fragment:
        raise ValueError("has a # in it, which ends an address: percent-encode it in the password (%23)")
    if 6543 in ports:
        raise ValueError(f"is on port 6543, the transaction pooler, where locks do not hold: {DIRECT}")
    if "pgbouncer" in options:
        raise ValueError(f"has the option pgbouncer, which Postgres does not know: {DIRECT}, and take the option away")
    return secret


def _store(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text.startswith(("postgresql://", "postgres://")):
        return _database(secret)
    path = text.removeprefix("sqlite:///")
    if path == text or not path.strip("/") or path.endswith("/"):
        raise ValueError(
            "must read sqlite:///PATH, with a fourth slash for an absolute path, sqlite:////data/stagedoor.db, "
            "or postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        )
    if ":memory:" in path:
        raise ValueError("would keep the journal in memory, where a restart loses it: use sqlite:///PATH")
    return secret


def _ref(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("must be a project ref alone, the word after /project/ in the dashboard's address")
    return text


def _repository(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", text):
        raise ValueError("must read owner/name, without https://github.com/ before it")
    return text


def _recipient(text: str) -> str:
    if not text.startswith(("age1", "ssh-")):
        raise ValueError("must be an age recipient, the public half, which starts with age1 (or an ssh public key)")
    return text


def _program(text: str) -> str:
    if not shutil.which(text):
        raise ValueError("names no program that can be run: give its whole path, or leave it out")
    return text


def _port(text: object) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", str(text)) or not 1 <= int(str(text)) <= 65535:
        raise ValueError("must be a whole number from 1 to 65535")
    return int(str(text))


def _yes(text: object) -> bool:
    word = str(text).lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("must be 1, or left out")
    return word in ("1", "true", "yes", "on")


BotToken = Annotated[SecretStr, AfterValidator(_bot_token)]
AppToken = Annotated[SecretStr, AfterValidator(_app_token)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
LinkKey = Annotated[SecretStr, AfterValidator(_link_key)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SecretWebAddress = Annotated[SecretStr, AfterValidator(_secret_web_address)]
PublicAddress = Annotated[str, AfterValidator(_public_address)]
SlackApi = Annotated[str, AfterValidator(_slack_api)]
Bucket = Annotated[SecretStr, AfterValidator(_bucket)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(_database)]
StoreAddress = Annotated[SecretStr, AfterValidator(_store)]
Ref = Annotated[str, AfterValidator(_ref)]
Repository = Annotated[str, AfterValidator(_repository)]
Recipient = Annotated[str, AfterValidator(_recipient)]
Program = Annotated[str, AfterValidator(_program)]
Port = Annotated[int, BeforeValidator(_port)]
YesNo = Annotated[bool, BeforeValidator(_yes)]
Folder = Annotated[Path, AfterValidator(lambda path: Path(os.path.expanduser(path)))]
Lower = BeforeValidator(lambda text: str(text).lower())
Upper = BeforeValidator(lambda text: str(text).upper())
Name = Annotated[str, Field(min_length=1)]
