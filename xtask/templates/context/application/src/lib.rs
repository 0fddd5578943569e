//! The use cases of the `__context__` context, one file each. This file is the table of contents.

mod __context__;

pub use __context__::__Context__;

use_case::handlers! { dyn __Context__:
    __command__::__Command__,
    on___event__::__Event__, // on
}
