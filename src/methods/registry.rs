//! The one list of methods. A new method is a new file and a line here.

use super::{
    Descriptor, batch_renorm, bn, bounded_weight_norm, centered_weight_norm, cosine,
    cosine_centered, frn, group_norm, instance_norm, l1_bn, layer_norm, linf_bn, noisy_bn, none,
    normprop, proxy_norm, rms_norm, selu, spectral_norm, topk_bn, weight_norm, weight_norm_mean_bn,
    weight_standardization,
};

/// Every method, in the order in which tables show them.
pub static METHODS: &[&Descriptor] = &[
    &none::DESCRIPTOR,
    &bn::DESCRIPTOR,
    &normprop::DESCRIPTOR,
    &layer_norm::DESCRIPTOR,
    &weight_norm::DESCRIPTOR,
    &group_norm::DESCRIPTOR,
    &weight_standardization::DESCRIPTOR,
    &cosine::DESCRIPTOR,
    &cosine_centered::DESCRIPTOR,
    &selu::DESCRIPTOR,
    &frn::DESCRIPTOR,
    &instance_norm::DESCRIPTOR,
    &rms_norm::DESCRIPTOR,
    &noisy_bn::DESCRIPTOR,
    &weight_norm_mean_bn::DESCRIPTOR,
    &l1_bn::DESCRIPTOR,
    &linf_bn::DESCRIPTOR,
    &topk_bn::DESCRIPTOR,
    &bounded_weight_norm::DESCRIPTOR,
    &batch_renorm::DESCRIPTOR,
    &centered_weight_norm::DESCRIPTOR,
    &spectral_norm::DESCRIPTOR,
    &proxy_norm::DESCRIPTOR,
];
