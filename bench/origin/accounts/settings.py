"""Settings from the environment."""

import os

DATABASE_URL = os.environ["DATABASE_URL"]
AMQP_URL = os.environ["AMQP_URL"]
QUEUE = "registrations"
BCRYPT_COST = 12
"""The cost of a password hash, as a power of two."""
CORES = os.cpu_count() or 1
