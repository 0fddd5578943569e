"""Creates the tables."""

import asyncio

from accounts.database import Base, engine


async def main() -> None:
    """Creates the tables that are missing."""
    database = engine()
    async with database.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(main())
