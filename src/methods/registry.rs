//! The one list of methods. A new method is a new file and a line here.

use super::*;

/// Every method, in the order in which tables show them.
pub static METHODS: &[&Descriptor] = &[
    &none::DESCRIPTOR,
    &bn::DESCRIPTOR,
    &normprop::DESCRIPTOR,
    &layer_norm::DESCRIPTOR,
    &weight_norm::DESCRIPTOR,
    &group_norm::DESCRIPTOR,
    &weight_standardization::DESCRIPTOR,
    &kalman::DESCRIPTOR,
    &analytic_variance::DESCRIPTOR,
    &riemannian_bn::DESCRIPTOR,
    &linked::DESCRIPTOR,
    &online_norm::DESCRIPTOR,
    &nf::DESCRIPTOR,
];
