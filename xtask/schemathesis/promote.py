"""Makes everyone in a SQLite file of Roster's an administrator, past the rules."""

import sqlite3
import sys

with sqlite3.connect(sys.argv[1], timeout=30) as database:
    if database.execute("update auth_accounts set role = 'admin'").rowcount != 1:
        sys.exit("there is not exactly one account")
