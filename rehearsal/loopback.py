"""How parts of the rehearsal call each other: over loopback, where nobody speaks TLS."""

from __future__ import annotations

import ssl

TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `httpx.Client(verify=…)`: it trusts nobody, and so no file of authorities is read for every client (15 ms)."""
