//! The one list of methods. A new method is a new file and a line here.

use super::*;

/// Every method, in the order in which tables show them.
pub static METHODS: &[&Descriptor] = &[
    &none::DESCRIPTOR,
    &bn::DESCRIPTOR,
    &normprop::DESCRIPTOR,
    &nf::DESCRIPTOR,
];
