//! Tests of code that must not compile. Each stands beside a twin that compiles, so that it fails for the right reason.
//!
//! # A message implements `Handle` or `Prepare`, never both (E0119)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = CommandFailure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! # #[derive(Clone)] struct Sold;
//! impl Handle<dyn Shop> for Sold {
//!     async fn handle(self, _: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> { Ok(()) }
//! }
//! impl Prepare<dyn Shop> for Sell {
//!     type Prepared = Sold;
//!     async fn prepare(self, _: PrepareContext<'_, dyn Shop>) -> Result<Sold, CommandFailure> { Ok(Sold) }
//! }
//! let messages = HandlerRegistry::<dyn Shop>::default().on::<Sell>().messages();
//! assert_eq!((messages[0].name, messages[0].lane), ("shop.sell.v1", Lane::Slow));
//! ```
//!
//! ```compile_fail,E0119
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = CommandFailure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! # #[derive(Clone)] struct Sold;
//! impl Handle<dyn Shop> for Sell { // the twin handles `Sold`
//!     async fn handle(self, _: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> { Ok(()) }
//! }
//! impl Prepare<dyn Shop> for Sell {
//!     type Prepared = Sell;
//!     async fn prepare(self, _: PrepareContext<'_, dyn Shop>) -> Result<Sell, CommandFailure> { Ok(Sell) }
//! }
//! let messages = HandlerRegistry::<dyn Shop>::default().on::<Sell>().messages();
//! assert_eq!((messages[0].name, messages[0].lane), ("shop.sell.v1", Lane::Slow));
//! ```
//!
//! # A message with neither `Handle` nor `Prepare` cannot be registered (E0277)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = CommandFailure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! impl Handle<dyn Shop> for Sell {
//!     async fn handle(self, _: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> { Ok(()) }
//! }
//! let messages = HandlerRegistry::<dyn Shop>::default().on::<Sell>().messages();
//! assert_eq!((messages[0].name, messages[0].lane), ("shop.sell.v1", Lane::Fast));
//! ```
//!
//! ```compile_fail,E0277
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell;
//! # impl Message for Sell { const NAME: &'static str = "shop.sell.v1"; type Failure = CommandFailure; fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
//! // the twin handles `Sell`
//! let messages = HandlerRegistry::<dyn Shop>::default().on::<Sell>().messages();
//! ```
//!
//! # A message that may be rejected can be neither sent as a follow-up nor published as an event (E0271)
//!
//! ```
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = FollowUpFailure;
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn send(mut ctx: HandlerContext<'_, dyn Shop>) { ctx.send(&Deliver); }
//! fn publish(mut ctx: HandlerContext<'_, dyn Shop>) { ctx.publish(&Deliver); }
//! ```
//!
//! ```compile_fail,E0271
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = CommandFailure; // the twin's is `FollowUpFailure`
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn send(mut ctx: HandlerContext<'_, dyn Shop>) { ctx.send(&Deliver); }
//! ```
//!
//! ```compile_fail,E0271
//! use use_case::*;
//! # use serde::{Deserialize, Serialize};
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! # #[derive(Clone, Serialize, Deserialize)] struct Deliver;
//! impl Message for Deliver {
//!     const NAME: &'static str = "depot.deliver.v1";
//!     type Failure = CommandFailure; // the twin's is `FollowUpFailure`
//!     fn subject(&self) -> uuid::Uuid { uuid::Uuid::nil() }
//! }
//! fn publish(mut ctx: HandlerContext<'_, dyn Shop>) { ctx.publish(&Deliver); }
//! ```
//!
//! # A follow-up cannot be rejected (E0277)
//!
//! ```
//! # use use_case::*;
//! # #[derive(Debug, thiserror::Error)] #[error("sold out")] struct SoldOut;
//! # impl kernel::DomainError for SoldOut { fn code(&self) -> &'static str { "sold_out" } }
//! fn command() -> Result<(), CommandFailure> { Err(SoldOut)? }
//! ```
//!
//! ```compile_fail,E0277
//! # use use_case::*;
//! # #[derive(Debug, thiserror::Error)] #[error("sold out")] struct SoldOut;
//! # impl kernel::DomainError for SoldOut { fn code(&self) -> &'static str { "sold_out" } }
//! fn follow_up() -> Result<(), FollowUpFailure> { Err(SoldOut)? }
//! ```
//!
//! # `Prepare` cannot use the store (E0609)
//!
//! ```
//! # use use_case::*;
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! fn prepare(ctx: PrepareContext<'_, dyn Shop>) { let _ = ctx.tools; }
//! ```
//!
//! ```compile_fail,E0609
//! # use use_case::*;
//! # trait Shop: Send {}
//! # impl Port for dyn Shop { const CONTEXT: &'static str = "shop"; type Tools = (); }
//! fn prepare(ctx: PrepareContext<'_, dyn Shop>) { let _ = ctx.store; }
//! ```
//!
//! # A wire name has a context, a name and a version (E0080)
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # kernel::id! { ItemId }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell { item: ItemId }
//! use_case::command!(Sell, "shop.sell.v1", about: item);
//! ```
//!
//! ```compile_fail,E0080
//! # use serde::{Deserialize, Serialize};
//! # kernel::id! { ItemId }
//! # #[derive(Clone, Serialize, Deserialize)] struct Sell { item: ItemId }
//! use_case::command!(Sell, "shop.sell", about: item); // the twin's has a version
//! ```
