//! The training loop and what it needs: schedule, interrupt, evaluation, state.
//!
//! The engine emits [`Event`](crate::event::Event)s and writes nothing itself.

pub mod bench;
pub mod device;
pub mod evaluate;
pub mod gpu;
pub mod interrupt;
pub mod libtorch;
pub mod memory;
pub mod product_peak;
pub mod schedule;
pub mod setup;
pub mod threads;
pub mod trainer;

pub use interrupt::Interrupt;
pub use trainer::Trainer;
