//! What must not compile. Each promise stands beside its twin that does, so that it fails for its reason and no other.
//!
//! # A message is handled as it is, or prepared first, never both (E0119)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = Failure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! # #[derive(Clone)] struct Sold;
//! impl Handle<dyn Shop> for Sold {
//!     async fn handle(self, _: Cx<'_, dyn Shop>) -> Result<(), Failure> { Ok(()) }
//! }
//! impl Prepare<dyn Shop> for Sell {
//!     type Ready = Sold;
//!     async fn prepare(self, _: Bench<'_, dyn Shop>) -> Result<Sold, Failure> { Ok(Sold) }
//! }
//! let names: Vec<_> = UseCases::<dyn Shop>::default().on::<Sell>().names().collect();
//! assert_eq!(names, [("shop.sell.v1", Lane::Slow)]);
//! ```
//!
//! ```compile_fail,E0119
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = Failure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! # #[derive(Clone)] struct Sold;
//! impl Handle<dyn Shop> for Sell { // the twin handles `Sold`
//!     async fn handle(self, _: Cx<'_, dyn Shop>) -> Result<(), Failure> { Ok(()) }
//! }
//! impl Prepare<dyn Shop> for Sell {
//!     type Ready = Sell;
//!     async fn prepare(self, _: Bench<'_, dyn Shop>) -> Result<Sell, Failure> { Ok(Sell) }
//! }
//! let names: Vec<_> = UseCases::<dyn Shop>::default().on::<Sell>().names().collect();
//! assert_eq!(names, [("shop.sell.v1", Lane::Slow)]);
//! ```
//!
//! # A message that is neither handled nor prepared cannot be registered (E0277)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = Failure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! impl Handle<dyn Shop> for Sell {
//!     async fn handle(self, _: Cx<'_, dyn Shop>) -> Result<(), Failure> { Ok(()) }
//! }
//! let names: Vec<_> = UseCases::<dyn Shop>::default().on::<Sell>().names().collect();
//! assert_eq!(names, [("shop.sell.v1", Lane::Fast)]);
//! ```
//!
//! ```compile_fail,E0277
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = Failure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! // the twin handles `Sell`
//! let names: Vec<_> = UseCases::<dyn Shop>::default().on::<Sell>().names().collect();
//! ```
//!
//! # A follow-up or an event that could be rejected can be neither sent nor published (E0271)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = Trouble;
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn send(mut cx: Cx<'_, dyn Shop>) { cx.send(&Deliver); }
//! fn publish(mut cx: Cx<'_, dyn Shop>) { cx.publish(&Deliver); }
//! ```
//!
//! ```compile_fail,E0271
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = Failure; // the twin's is `Trouble`
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn send(mut cx: Cx<'_, dyn Shop>) { cx.send(&Deliver); }
//! ```
//!
//! ```compile_fail,E0271
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = Failure; // the twin's is `Trouble`
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn publish(mut cx: Cx<'_, dyn Shop>) { cx.publish(&Deliver); }
//! ```
//!
//! # A follow-up has no way to say no (E0277)
//!
//! ```
//! # use use_case::*;
//! # #[derive(Debug, thiserror::Error)] #[error("sold out")] struct SoldOut;
//! # impl kernel::Reason for SoldOut { fn code(&self) -> &'static str { "sold_out" } }
//! fn command() -> Result<(), Failure> { Err(SoldOut)? }
//! ```
//!
//! ```compile_fail,E0277
//! # use use_case::*;
//! # #[derive(Debug, thiserror::Error)] #[error("sold out")] struct SoldOut;
//! # impl kernel::Reason for SoldOut { fn code(&self) -> &'static str { "sold_out" } }
//! fn follow_up() -> Result<(), Trouble> { Err(SoldOut)? }
//! ```
//!
//! # Who prepares has no store (E0609)
//!
//! ```
//! # use use_case::*;
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! fn prepare(bench: Bench<'_, dyn Shop>) { let _ = bench.tools; }
//! ```
//!
//! ```compile_fail,E0609
//! # use use_case::*;
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { type Tools = (); }
//! fn prepare(bench: Bench<'_, dyn Shop>) { let _ = bench.store; }
//! ```
