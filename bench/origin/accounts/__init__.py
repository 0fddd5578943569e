"""The stack of the origin: FastAPI, SQLAlchemy, RabbitMQ and bcrypt."""
