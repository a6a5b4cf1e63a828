//! The lecture's figures, computed by the library, as numbers and as a page.

#[cfg(feature = "command-line")]
pub mod about;
#[cfg(feature = "command-line")]
pub mod chart;
pub mod checked;
#[cfg(feature = "command-line")]
pub mod document;
pub mod figure;
pub mod figures;
pub mod numbers;
#[cfg(feature = "command-line")]
pub mod page;
