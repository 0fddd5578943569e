"""The registrations in RabbitMQ."""

from uuid import UUID

from aio_pika.abc import AbstractChannel, AbstractQueue
from pydantic import BaseModel

from accounts.settings import QUEUE


class RegisterUser(BaseModel):
    """A registration that the API has accepted."""

    id: UUID
    email: str
    name: str | None
    password: str


async def declare_queue(channel: AbstractChannel) -> AbstractQueue:
    """Declares the durable quorum queue of registrations."""
    return await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
