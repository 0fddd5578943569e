"""Tells Schemathesis what it does not know: formats of Roster's own, and how to send some media types."""

import schemathesis
from hypothesis import strategies

schemathesis.openapi.format("idempotency-key", strategies.uuids().map(str))


@schemathesis.serializer("application/x-ndjson", "text/csv")
def text(_, value):
    """Sends a text as it is."""
    return str(value).encode(errors="replace")
