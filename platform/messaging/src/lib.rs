//! Who says *when*: wake-ups in process, or RabbitMQ.
//!
//! Both hand out hints by [`ledger`]'s traits. A hint may be lost, doubled, delayed or reordered;
//! the ledger alone says what is to be done.

mod in_process;
mod rabbitmq;

pub use in_process::InProcess;
#[cfg(feature = "testing")]
pub use rabbitmq::delete_queues;
pub use rabbitmq::{Address, AddressError, BrokerState, RabbitMq, Stats};
