//! The body of a request, described once for its reader and for the OpenAPI document.

use crate::Fields;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// The body of a request. [`body!`](crate::body) implements it; `()` stands for no body.
pub trait RequestBody: Send + Sync + Sized {
    /// Whether there is a body. If not, clients may leave it out.
    const EXISTS: bool = true;

    /// The name and the schema in the OpenAPI document; `None` without a body.
    fn description() -> Option<(String, RefOr<Schema>)>;

    /// Reads every field. A field that is absent or rejected is `None`; [`Fields::finish`] fails if one was rejected,
    /// or is absent and required.
    fn read(fields: &mut Fields) -> Self;
}

impl RequestBody for () {
    const EXISTS: bool = false;

    fn description() -> Option<(String, RefOr<Schema>)> {
        None
    }

    fn read(_: &mut Fields) -> Self {}
}

/// The name and the schema of a type.
#[must_use]
pub fn described<T: ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

/// Declares the body of a request: one struct for its reader and for the OpenAPI document. All its fields are
/// `Option`s, because [`read`](RequestBody::read) collects every violation and not only the first.
///
/// A field is `required T = parse`, `optional T = parse`, `number T = parse` (an optional whole number),
/// `patched T = parse` (a text that may be changed, or removed by `null`), `secret` or `optional_secret` (a text that is
/// never part of a fingerprint; [`Fields::secret_given`] returns an optional one), `object` or `optional_object` (a JSON
/// object as it is, never part of a fingerprint). `parse` turns a text into `T`, or into a
/// [`DomainError`](kernel::DomainError) for the client. The attributes of a field describe it in the document.
///
/// ```
/// # use web::{Fields, RequestBody as _};
/// # use kernel::{MessageId, InvalidId};
/// # #[derive(Debug, thiserror::Error)] #[error("must be a colour")] struct NoColour;
/// # impl kernel::DomainError for NoColour { fn code(&self) -> &'static str { "colour_invalid" } }
/// web::body! {
///     /// The paint to order.
///     #[schema(title = "Order")]
///     struct Order {
///         /// A colour of the catalogue.
///         #[schema(max_length = 20)]
///         colour: required String = |text| if text == "red" { Ok(text.to_owned()) } else { Err(NoColour) },
///         /// A note for the painter.
///         note: optional String = |text| Ok::<_, NoColour>(text.to_owned()),
///     }
/// }
/// let mut fields = Fields::from_json(br#"{"colour": "red"}"#).unwrap();
/// let Order { colour, note } = Order::read(&mut fields);
/// assert_eq!((fields.finish(colour).unwrap(), note), ("red".to_owned(), None));
/// ```
#[macro_export]
macro_rules! body {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::body!(@field fields {$(#[$meta])* $vis $name} {} {} $($fields)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: required $type:ty = $parse:expr, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = String)] $field: Option<$type>,}
            {$($reads)* $field: $reader.required(stringify!($field), $parse),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: optional $type:ty = $parse:expr, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Option<String>, required = false)] $field: Option<$type>,}
            {$($reads)* $field: $reader.optional(stringify!($field), $parse),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: number $type:ty = $parse:expr, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Option<i64>, required = false)] $field: Option<$type>,}
            {$($reads)* $field: $reader.number(stringify!($field), $parse),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: patched $type:ty = $parse:expr, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Option<String>, required = false)] $field: Option<Option<$type>>,}
            {$($reads)* $field: $reader.patched(stringify!($field), $parse),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: object $type:ty, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Object)] $field: Option<$type>,}
            {$($reads)* $field: $reader.object(stringify!($field)),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: optional_object $type:ty, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Option<Object>, required = false)] $field: Option<$type>,}
            {$($reads)* $field: $reader.optional_object(stringify!($field)),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: optional_secret, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = Option<String>, required = false)] $field: (),}
            {$($reads)* $field: $reader.optional_secret(stringify!($field)),}
            $($rest)*);
    };
    (@field $reader:ident $head:tt {$($schema:tt)*} {$($reads:tt)*}
        $(#[$meta:meta])* $field:ident: secret, $($rest:tt)*) => {
        $crate::body!(@field $reader $head
            {$($schema)* $(#[$meta])* #[schema(value_type = String)] $field: Option<$crate::Secret>,}
            {$($reads)* $field: $reader.secret(stringify!($field)),}
            $($rest)*);
    };
    (@field $reader:ident {$(#[$meta:meta])* $vis:vis $name:ident} {$($schema:tt)*} {$($reads:tt)*}) => {
        #[derive(utoipa::ToSchema)]
        $(#[$meta])*
        $vis struct $name { $($schema)* }

        impl $crate::RequestBody for $name {
            fn description() -> Option<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)> {
                Some($crate::described::<Self>())
            }

            fn read($reader: &mut $crate::Fields) -> Self {
                Self { $($reads)* }
            }
        }
    };
}
