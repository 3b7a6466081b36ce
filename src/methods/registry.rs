//! The one list of methods. A new method is a new file and a line here.

use super::*;

/// Every method, in the order in which tables show them.
pub static METHODS: &[&Descriptor] = &[
    &none::DESCRIPTOR,
    &bn::DESCRIPTOR,
    &noisy_bn::DESCRIPTOR,
    &l1_bn::DESCRIPTOR,
    &linf_bn::DESCRIPTOR,
    &topk_bn::DESCRIPTOR,
    &batch_renorm::DESCRIPTOR,
    &weight_norm::DESCRIPTOR,
    &weight_norm_mean_bn::DESCRIPTOR,
    &bounded_weight_norm::DESCRIPTOR,
    &centered_weight_norm::DESCRIPTOR,
    &spectral_norm::DESCRIPTOR,
    &weight_standardization::DESCRIPTOR,
    &kalman::DESCRIPTOR,
    &analytic_variance::DESCRIPTOR,
    &riemannian_bn::DESCRIPTOR,
    &linked::DESCRIPTOR,
    &online_norm::DESCRIPTOR,
    &nf::DESCRIPTOR,
    &normprop::DESCRIPTOR,
    &selu::DESCRIPTOR,
    &cosine::DESCRIPTOR,
    &cosine_centered::DESCRIPTOR,
    &layer_norm::DESCRIPTOR,
    &group_norm::DESCRIPTOR,
    &instance_norm::DESCRIPTOR,
    &rms_norm::DESCRIPTOR,
    &frn::DESCRIPTOR,
    &proxy_norm::DESCRIPTOR,
];
