//! How a method looks in every picture.

use super::METHODS;
use crate::draw::Style;

/// The methods that share hues, in the order in which they came: a new one at the end changes no picture of another. One
/// that is missing here comes behind them, in the order of the registry.
const SHARING: [&str; 52] = [
    "noisy-bn",
    "l1-bn",
    "linf-bn",
    "topk-bn",
    "batch-renorm",
    "weight-norm",
    "weight-norm-mean-bn",
    "bounded-weight-norm",
    "centered-weight-norm",
    "spectral-norm",
    "weight-standardization",
    "kalman",
    "analytic-variance",
    "riemannian-bn",
    "linked",
    "online-norm",
    "nf",
    "skipinit",
    "fixup",
    "idshort",
    "selu",
    "cosine",
    "cosine-centered",
    "layer-norm",
    "group-norm",
    "instance-norm",
    "rms-norm",
    "frn",
    "proxy-norm",
    "bcn-qiao",
    "estbn",
    "evalnorm",
    "normality-bn",
    "evonorm-b0",
    "strict-weight-norm",
    "edm2",
    "evonorm-s0",
    "normality-norm",
    "batchless",
    "dyt",
    "derf",
    "iter-norm",
    "decorrelated-bn",
    "bcn-khaled",
    "batch-group-norm",
    "extended-bn",
    "frelu",
    "batch-layer-norm",
    "enorm",
    "diminishing-bn",
    "mean-shift-rejection",
    "mode-norm",
];

/// What every comparison is about has a hue of its own; the other methods share the rest.
///
/// Variant 0 is the method itself; a comparison's further lines of the same method are its variants 1, 2, ...: the same
/// hue in other shades, dashes and markers.
pub fn style(method: &str, variant: usize) -> Style {
    match method {
        "none" => Style::ink(3, variant),
        "bn" => Style::blue(1, variant),
        "normprop" => Style::vermilion(0, variant),
        other => {
            let is_new = |name: &&str| !is_reserved(name) && !SHARING.contains(name);
            let new = METHODS.iter().map(|method| method.name).filter(is_new);
            let place = SHARING.into_iter().chain(new).position(|it| it == other);
            // Results of a newer version may name a method that this one lacks.
            Style::other(place.unwrap_or(METHODS.len()), variant)
        }
    }
}

fn is_reserved(method: &str) -> bool {
    matches!(method, "none" | "bn" | "normprop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_methods_or_variants_look_alike() {
        let names = METHODS.iter().map(|method| method.name);
        let looks: Vec<(String, Style)> = names
            .flat_map(|name| (0..3).map(move |it| (format!("{name}, {it}"), style(name, it))))
            .collect();
        for (index, (name, look)) in looks.iter().enumerate() {
            for (other, same) in &looks[..index] {
                assert_ne!(look, same, "{name} and {other}");
            }
        }
    }

    #[test]
    fn every_name_is_that_of_a_method() {
        for name in SHARING {
            assert!(METHODS.iter().any(|method| method.name == name), "{name}");
        }
    }

    #[test]
    fn a_variant_has_the_hue_of_its_method() {
        assert_eq!(style("normprop", 3).color, style("normprop", 0).color);
        let hues = ["none", "bn", "normprop"].map(|name| style(name, 0).color);
        let others = METHODS.iter().filter(|it| !is_reserved(it.name));
        for other in others {
            assert!(
                !hues.contains(&style(other.name, 0).color),
                "{}",
                other.name
            );
        }
    }
}
