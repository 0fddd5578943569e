"""Uses every kind of answer through the generated client, after the example of docs/CLIENTS.md."""

import os
from http import HTTPStatus
from typing import assert_type
from uuid import UUID, uuid4

from example import EMAIL, PASSWORD, URL, ada, anyone, me, tokens
from roster_client import AuthenticatedClient
from roster_client.api.auth import login, refresh
from roster_client.api.commands import get_command
from roster_client.api.users import erase_user, get_me, get_user, get_users, register_user, update_user
from roster_client.models import (
    Command,
    CommandStatus,
    Erasure,
    Login,
    LoginProblem,
    Problem,
    Refresh,
    Registration,
    Tokens,
    User,
    UserPage,
    UserPatch,
)
from roster_client.types import UNSET, Unset

# For the type checker, which knows the assertions of the example no more.
assert isinstance(tokens, Tokens) and isinstance(me, User)

# Refused: a problem with a violation for each field.
refused = register_user.sync(client=anyone, body=Registration(email="x", password="y"))
assert_type(refused, Command | Problem | User | None)
assert isinstance(refused, Problem) and not isinstance(refused.errors, Unset)
assert_type(refused.errors[0].pointer, str)
assert {(it.pointer, it.code) for it in refused.errors} == {("/email", "email_invalid"), ("/password", "password_too_short")}

# Accepted, without waiting; the same key is the same command.
key = str(uuid4())
bob = Registration(email="bob@example.org", password=PASSWORD, name="Bob")
accepted = register_user.sync(client=anyone, body=bob, idempotency_key=key)
again = register_user.sync_detailed(client=anyone, body=bob, idempotency_key=key)
assert isinstance(accepted, Command) and isinstance(again.parsed, Command) and again.parsed.id == accepted.id
assert again.headers["Idempotency-Replayed"] == "true"
assert not isinstance(accepted.target, Unset)
registered = get_user.sync(UUID(str(accepted.target.id)), client=anyone, prefer="wait=30")
assert isinstance(registered, User) and registered.name == "Bob"
command = get_command.sync(accepted.id, client=anyone)
assert isinstance(command, Command)
assert_type(command.status, CommandStatus)

# Refresh.
fresh = refresh.sync(client=anyone, body=Refresh(refresh_token=tokens.refresh_token))
assert isinstance(fresh, Tokens) and fresh.session_id == tokens.session_id
ada = AuthenticatedClient(URL, token=fresh.access_token)

# Patch, by the version that was read.
read = get_me.sync_detailed(client=ada)
etag = read.headers["ETag"]
patched = update_user.sync(me.id, client=ada, body=UserPatch(name="Ada L."), prefer="wait=30", if_match=etag)
assert isinstance(patched, User) and patched.name == "Ada L.", patched
stale = update_user.sync_detailed(me.id, client=ada, body=UserPatch(name="A."), if_match=etag)
assert stale.status_code == HTTPStatus.PRECONDITION_FAILED and isinstance(stale.parsed, Problem)

# List, by an administrator, in pages of one.
administrator = Login(email=os.environ["ADMIN_EMAIL"], password=os.environ["ADMIN_PASSWORD"])
signed_in = login.sync(client=anyone, body=administrator)
assert isinstance(signed_in, Tokens)
root = AuthenticatedClient(URL, token=signed_in.access_token)
names: list[str | None] = []
cursor: str | Unset = UNSET
while True:
    page = get_users.sync(client=root, domain="example.org", sort="email", limit=1, cursor=cursor)
    assert_type(page, Problem | UserPage | None)
    assert isinstance(page, UserPage) and page.count == 3, page
    assert_type(page.data, list[User])
    assert_type(page.next_cursor, None | str)
    names += [user.name for user in page.data]
    if page.next_cursor is None:
        break
    cursor = page.next_cursor
assert names == ["Ada L.", "Bob", None], names
forbidden = get_users.sync(client=ada)
assert isinstance(forbidden, Problem) and forbidden.code == "forbidden"

# Erase.
erased = erase_user.sync_detailed(me.id, client=ada, body=Erasure(current_password=PASSWORD), prefer="wait=30")
assert erased.status_code == HTTPStatus.NO_CONTENT, erased
gone = login.sync(client=anyone, body=Login(email=EMAIL, password=PASSWORD))
assert isinstance(gone, LoginProblem) and gone.status == HTTPStatus.UNAUTHORIZED
print("Python: signed up, waited, signed in, refreshed, patched, listed, erased")
