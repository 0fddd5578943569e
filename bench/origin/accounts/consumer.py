"""The consumer of registrations: hashes the password, and inserts the user."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import aio_pika
import bcrypt
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from accounts.database import User, engine
from accounts.messages import RegisterUser, declare_queue
from accounts.settings import AMQP_URL, BCRYPT_COST, CORES


def hash_password(password: str) -> str:
    """Hashes a password. bcrypt releases the interpreter lock meanwhile."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()


async def register(message: AbstractIncomingMessage, database: AsyncEngine, hashing: ThreadPoolExecutor) -> None:
    """Registers a user. RabbitMQ delivers the message again if this fails."""
    async with message.process(requeue=True):
        command = RegisterUser.model_validate_json(message.body)
        hashed = await asyncio.get_running_loop().run_in_executor(hashing, hash_password, command.password)
        user = command.model_dump(exclude={"password"}) | {"password_hash": hashed}
        async with database.begin() as connection:
            # A taken address is no error: the message may have come twice.
            await connection.execute(insert(User).values(user).on_conflict_do_nothing())


async def main() -> None:
    """Consumes until the process is stopped."""
    database, hashing = engine(), ThreadPoolExecutor(max_workers=CORES)
    connection = await aio_pika.connect_robust(AMQP_URL)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=4 * CORES)
    queue = await declare_queue(channel)
    await queue.consume(lambda message: register(message, database, hashing))
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
