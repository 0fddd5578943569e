"""Users in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Text, func
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from accounts.settings import DATABASE_URL


class Base(DeclarativeBase):
    """The base of all tables."""


class User(Base):
    """A registered user."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def engine() -> AsyncEngine:
    """An engine for one process. It does not ping connections before use."""
    return create_async_engine(DATABASE_URL, pool_size=10, max_overflow=0)
