//! Reading the golden values that `scripts/goldens/stats.py` made, and the inputs they share.

use serde_json::Value;

const GOLDENS: &str = include_str!("../../tests/goldens/stats.json");

/// The top-level entry `name`.
pub fn section(name: &str) -> Value {
    let all: Value = serde_json::from_str(GOLDENS).unwrap();
    all[name].clone()
}

/// The top-level list `name`.
pub fn rows(name: &str) -> Vec<Value> {
    let rows = section(name).as_array().unwrap().clone();
    assert!(!rows.is_empty(), "no rows in {name}");
    rows
}

/// The number under `key`.
pub fn number(value: &Value, key: &str) -> f64 {
    value[key]
        .as_f64()
        .unwrap_or_else(|| panic!("no number at {key} in {value}"))
}

/// The list of numbers under `key`.
pub fn column(value: &Value, key: &str) -> Vec<f64> {
    let list = value[key]
        .as_array()
        .unwrap_or_else(|| panic!("no list at {key} in {value}"));
    list.iter().map(|entry| entry.as_f64().unwrap()).collect()
}

/// The shared samples: name, values, and what SciPy and statsmodels say of them.
pub fn named_samples() -> Vec<(String, Vec<f64>, Value)> {
    rows("samples")
        .into_iter()
        .map(|golden| {
            let name = golden["name"].as_str().unwrap().to_owned();
            let values = match golden["formula"].as_str() {
                None => column(&golden, "values"),
                Some(formula) => {
                    let seed = number(&golden, "seed") as u64;
                    let [shift, scale] = ["shift", "scale"].map(|key| number(&golden, key));
                    let draw = match formula {
                        "uniform" => uniform,
                        "normal_like" => normal_like,
                        "exponential_like" => |i, seed| -(1.0 - uniform(i, seed)).ln(),
                        _ => panic!("unknown formula {formula}"),
                    };
                    let n = number(&golden, "n") as u64;
                    (0..n).map(|i| shift + scale * draw(i, seed)).collect()
                }
            };
            (name, values, golden)
        })
        .collect()
}

/// A number in [0, 1) that depends on index and seed as if at random: the mixing function of
/// SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, 2014).
pub fn uniform(index: u64, seed: u64) -> f64 {
    let step = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bits = step.wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal number, by Box and Muller from two uniform ones.
pub fn normal_like(index: u64, seed: u64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(2 * index, seed)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(2 * index + 1, seed)).cos()
}

/// Fails unless the two agree to the given relative difference (absolute below 10⁻³⁰⁰).
#[track_caller]
pub fn assert_relative(got: f64, expected: f64, tolerance: f64, what: &str) {
    let difference = (got - expected).abs();
    let close = difference <= tolerance * expected.abs() || difference < 1e-300;
    assert!(close, "{what}: got {got:e}, expected {expected:e}");
}
