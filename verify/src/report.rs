//! The lecture's figures, computed by the library, as numbers and as a page.

pub mod figure;
pub mod figures;
