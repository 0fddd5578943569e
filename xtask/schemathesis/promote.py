"""Makes the only account in a SQLite file of Roster an administrator, directly in the database."""

import sqlite3
import sys

with sqlite3.connect(sys.argv[1], timeout=30) as database:
    if database.execute("update auth_accounts set role = 'admin'").rowcount != 1:
        sys.exit("the database must have exactly one account")
