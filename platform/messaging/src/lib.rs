//! Who says when: wake-ups in process, or RabbitMQ.
