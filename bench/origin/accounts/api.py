"""The HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import aio_pika
import bcrypt
import jwt
from aio_pika.abc import AbstractChannel
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, EmailStr, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from accounts.database import User, engine
from accounts.messages import RegisterUser, declare_queue
from accounts.settings import AMQP_URL, BCRYPT_COST, CORES, QUEUE

TOKEN_KEY = "a key that only this benchmark uses to sign its tokens"
ABSENT = bcrypt.hashpw(b"", bcrypt.gensalt(BCRYPT_COST)).decode()
"""The hash that stands in for that of an unknown user, so that the time does not tell."""


class State:
    """What all requests of a process share."""

    database: AsyncEngine
    channel: AbstractChannel
    hashing: ThreadPoolExecutor


state = State()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Connects before the first request, and disconnects after the last one."""
    state.database = engine()
    # bcrypt releases the interpreter lock. More threads than processors would only wait.
    state.hashing = ThreadPoolExecutor(max_workers=CORES)
    connection = await aio_pika.connect_robust(AMQP_URL)
    state.channel = await connection.channel(publisher_confirms=True)
    await declare_queue(state.channel)
    yield
    await connection.close()
    await state.database.dispose()
    state.hashing.shutdown()


app = FastAPI(lifespan=lifespan)


class Registration(BaseModel):
    """The body of `POST /users`."""

    email: EmailStr
    password: Annotated[str, Field(min_length=15, max_length=72)]
    name: Annotated[str | None, Field(max_length=200)] = None


class Accepted(BaseModel):
    """The answer to an accepted registration."""

    id: UUID
    status: str


class PublicUser(BaseModel):
    """What anyone may see of a user."""

    id: UUID
    name: str | None
    created_at: datetime


class Credentials(BaseModel):
    """The body of `POST /auth/login`."""

    email: EmailStr
    password: str


class Token(BaseModel):
    """The answer to a sign-in."""

    access_token: str
    token_type: str


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the process serves."""
    return {"status": "ok"}


@app.post("/users", status_code=202)
async def register(body: Registration, response: Response) -> Accepted:
    """Accepts a registration once RabbitMQ has confirmed it."""
    command = RegisterUser(id=uuid4(), email=body.email, name=body.name, password=body.password)
    message = aio_pika.Message(
        command.model_dump_json().encode(),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await state.channel.default_exchange.publish(message, routing_key=QUEUE)
    response.headers["Location"] = f"/users/{command.id}"
    return Accepted(id=command.id, status="accepted")


@app.get("/users/{user_id}")
async def get_user(user_id: UUID) -> PublicUser:
    """Reads a user."""
    query = select(User.name, User.registered_at).where(User.id == user_id)
    async with state.database.connect() as connection:
        found = (await connection.execute(query)).one_or_none()
    if found is None:
        raise HTTPException(404)
    return PublicUser(id=user_id, name=found.name, created_at=found.registered_at)


@app.post("/auth/login")
async def login(body: Credentials) -> Token:
    """Signs a user in."""
    query = select(User.id, User.password_hash).where(User.email == body.email)
    async with state.database.connect() as connection:
        found = (await connection.execute(query)).one_or_none()
    expected = found.password_hash if found else ABSENT
    matches = await asyncio.get_running_loop().run_in_executor(
        state.hashing, bcrypt.checkpw, body.password.encode(), expected.encode()
    )
    if found is None or not matches:
        raise HTTPException(401)
    expires = datetime.now(UTC) + timedelta(minutes=5)
    claims = {"sub": str(found.id), "exp": expires}
    return Token(access_token=jwt.encode(claims, TOKEN_KEY, "HS256"), token_type="bearer")
