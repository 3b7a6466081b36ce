//! Golden constants of `scripts/goldens/moments.py`: multiple-precision quadrature, 13 digits.

use super::activation::KNOTS;
use super::*;

/// χ = d/dq E[((f(√q z) − E f)/√Var f)²] at q = 1, the slope of the variance map of standardized layers:
/// below 1 a deviation from unit variance dies out with depth, above 1 it grows. By differentiation under
/// the integral χ = E[z f′(z) (f(z) − E f)]/Var f. Exactly 1 for positively homogeneous f.
pub(crate) fn variance_map_slope(activation: Activation) -> f64 {
    variance_map_slope_of(|z| activation.value(z), |z| activation.derivative(z))
}

/// [`variance_map_slope`] of any function.
fn variance_map_slope_of(value: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) -> f64 {
    let expectation = |g: &dyn Fn(f64) -> f64| gaussian_expectation(g, 0.0, 1.0, KNOTS);
    let mean = expectation(&value);
    let variance = expectation(&|z| (value(z) - mean).powi(2));
    expectation(&|z| z * derivative(z) * (value(z) - mean)) / variance
}

/// (mean, standard deviation) of the largest of `count` independent N(0, 1) values, whose density is
/// k φ(z) Φ(z)^(k−1). A count of 0 is taken for 1: nothing is pooled.
pub(super) fn max_moments(count: usize) -> (f64, f64) {
    let largest = max_pool_moments(Activation::Identity, count);
    (largest.mean, largest.std())
}

/// E f, E f², Var f, √Var f, E f′², J, √J, χ.
type Row = [f64; 8];

/// The activations that have a name here; `leaky:-1` is the absolute value.
#[rustfmt::skip]
const NAMED: [(&str, Row); 14] = [
    ("relu", [0.3989422804014, 0.5, 0.3408450569081, 0.5838193701035, 0.5, 1.466942206924, 1.211173896236, 1.0]),
    ("leaky:0.01", [0.3949528575974, 0.50005, 0.3440622402756, 0.5865681889394, 0.50005, 1.453370761056, 1.205558277752, 1.0]),
    ("leaky:0.1", [0.3590480523613, 0.505, 0.3760844960956, 0.6132572837689, 0.505, 1.342783351196, 1.158785291241, 1.0]),
    ("leaky:0.2", [0.3191538243211, 0.52, 0.4181408364212, 0.6466381031313, 0.52, 1.243600133512, 1.115168208618, 1.0]),
    ("prelu:0.25", [0.2992067103011, 0.53125, 0.4417253445108, 0.6646242130037, 0.53125, 1.202670407306, 1.096663306264, 1.0]),
    ("leaky:0.3", [0.279259596281, 0.545, 0.467014077885, 0.6833842827319, 0.545, 1.166988375315, 1.080272361636, 1.0]),
    ("leaky:-1", [0.7978845608029, 1.0, 0.3633802276324, 0.6028102749891, 1.0, 2.751938393884, 1.65889673997, 1.0]),
    ("tanh", [0.0, 0.3942944903978, 0.3942944903978, 0.6279287303491, 0.4644029024483, 1.177807232304, 1.085268276651, 0.4610708304776]),
    ("sigmoid", [0.5, 0.2933790358581, 0.04337903585809, 0.2082763449317, 0.04483624135019, 1.03359239004, 1.016657459541, 0.7192009080536]),
    ("elu:1", [0.1605205722666, 0.6449454174929, 0.6191785633721, 0.7868790017354, 0.6681020012232, 1.07901345548, 1.038755724644, 0.8602316762675]),
    ("selu", [0.0, 1.0, 1.0, 1.0, 1.071574992456, 1.071574992456, 1.035169064673, 0.7826478831968]),
    ("gelu", [0.2820947917739, 0.4252214825703, 0.3456440110244, 0.5879149692127, 0.4558508656493, 1.318844970866, 1.148409757389, 1.062116020241]),
    ("silu", [0.2066209641419, 0.3557755198174, 0.3130832969944, 0.5595384678415, 0.3794823516328, 1.212081114757, 1.100945554856, 1.100947378763]),
    ("softplus", [0.8060591833474, 0.9212459088593, 0.2715145018006, 0.5210705343814, 0.2933790358581, 1.080528052507, 1.039484512875, 1.056124976601]),
];

/// Functions without a name here, which only `moments_of` can take.
#[rustfmt::skip]
const UNNAMED: [(&str, Row); 4] = [
    ("1.7159 tanh(2x/3)", [0.0, 0.7504302763051, 0.7504302763051, 0.8662737883054, 0.8039891133203, 1.071370837114, 1.035070450314, 0.6154462937]),
    ("tanh approximation of GELU", [0.2820385880788, 0.4251937110331, 0.3456479458676, 0.5879183156423, 0.455817845963, 1.318734427363, 1.148361627434, 1.062335430539]),
    ("softsign", [0.0, 0.1830140212665, 0.1830140212665, 0.4278013806272, 0.2276713404222, 1.244010370608, 1.115352128526, 0.4767115604424]),
    ("hardtanh", [0.0, 0.5160585509617, 0.5160585509617, 0.7183721535261, 0.6826894921371, 1.322891541793, 1.150170222964, 0.3851269254785]),
];

/// By number of positions: mean, variance, √variance of max z; mean, E(·)², variance, √variance of
/// max ReLU(z); P(all positions are 0).
#[rustfmt::skip]
const POOLS: [(usize, [f64; 8]); 7] = [
    (1, [0.0, 1.0, 1.0, 0.3989422804014, 0.5, 0.3408450569081, 0.5838193701035, 0.5]),
    (2, [0.5641895835478, 0.6816901138162, 0.8256452711766, 0.6810370721753, 0.9091549430919, 0.4453434494148, 0.6673405797753, 0.25]),
    (3, [0.8462843753216, 0.5594672037974, 0.7479754032035, 0.8881472423717, 1.251564638493, 0.4627591143608, 0.6802640034287, 0.125]),
    (4, [1.029375373004, 0.4917152368747, 0.7012240988976, 1.045755515522, 1.543785011586, 0.4501804133403, 0.6709548519389, 0.0625]),
    (9, [1.485013162209, 0.3573533263578, 0.5977903699106, 1.485261064886, 2.562559127742, 0.3565586968758, 0.5971253611058, 0.001953125]),
    (16, [1.765991393055, 0.2950098090103, 0.5431480544109, 1.76599252331, 3.413735249983, 0.2950056575966, 0.5431442327749, 1.52587890625e-5]),
    (25, [1.965314609754, 0.2585107775062, 0.5084395514771, 1.965314611193, 4.120972292683, 0.2585107717131, 0.5084395457802, 2.98023223877e-8]),
];

fn row_of(moments: Moments, slope: f64) -> Row {
    [
        moments.mean,
        moments.second,
        moments.variance(),
        moments.std(),
        moments.second_derivative,
        moments.jacobian(),
        moments.jacobian_root(),
        slope,
    ]
}

fn assert_row(name: &str, got: &[f64], want: &[f64]) {
    for (column, (got, want)) in got.iter().zip(want).enumerate() {
        let allowed = 1e-15 + 2e-12 * want.abs();
        assert!(
            (got - want).abs() <= allowed,
            "{name}, column {column}: {got} {want}"
        );
    }
}

#[test]
fn every_named_activation_has_its_constants() {
    let mut seen = Vec::new();
    for (name, want) in NAMED {
        let activation = Activation::parse(name).unwrap();
        seen.push(activation.name());
        let got = row_of(moments(activation), variance_map_slope(activation));
        assert_row(name, &got, &want);
        let value = |x| activation.value(x);
        let integrated = moments_of(value, |x| activation.derivative(x), 0.0, 1.0);
        assert_row(name, &row_of(integrated, want[7]), &want);
    }
    let identity = Activation::Identity;
    let got = row_of(moments(identity), variance_map_slope(identity));
    assert_row("identity", &got, &[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    for name in Activation::ALL.iter().map(|activation| activation.name()) {
        assert!(
            seen.contains(&name) || name == "identity",
            "{name} has no golden row"
        );
    }
}

/// Value and derivative of the tanh approximation of GELU.
fn gelu_by_tanh(x: f64) -> (f64, f64) {
    let scale = (2.0 / std::f64::consts::PI).sqrt();
    let bend = (scale * (x + 0.044715 * x * x * x)).tanh();
    let inner = scale * (1.0 + 3.0 * 0.044715 * x * x);
    let slope = 0.5 * (1.0 + bend) + 0.5 * x * (1.0 - bend * bend) * inner;
    (0.5 * x * (1.0 + bend), slope)
}

fn scaled_tanh(x: f64) -> (f64, f64) {
    let t = (2.0 * x / 3.0).tanh();
    (1.7159 * t, 1.7159 * 2.0 / 3.0 * (1.0 - t * t))
}

fn softsign(x: f64) -> (f64, f64) {
    let divisor = 1.0 + x.abs();
    (x / divisor, 1.0 / (divisor * divisor))
}

fn hardtanh(x: f64) -> (f64, f64) {
    (x.clamp(-1.0, 1.0), f64::from(x.abs() < 1.0))
}

#[test]
fn functions_without_a_name_have_their_constants() {
    let functions: [fn(f64) -> (f64, f64); 4] = [scaled_tanh, gelu_by_tanh, softsign, hardtanh];
    for ((name, want), f) in UNNAMED.into_iter().zip(functions) {
        let moments = moments_of(|x| f(x).0, |x| f(x).1, 0.0, 1.0);
        let slope = variance_map_slope_of(|x| f(x).0, |x| f(x).1);
        assert_row(name, &row_of(moments, slope), &want);
    }
}

#[test]
fn maxima_over_independent_positions_have_their_constants() {
    for (positions, want) in POOLS {
        let (mean, std) = max_moments(positions);
        let relu = max_pool_moments(Activation::Relu, positions);
        let all_zero = 1.0 - relu.second_derivative;
        let got = [
            mean,
            std * std,
            std,
            relu.mean,
            relu.second,
            relu.variance(),
            relu.std(),
            all_zero,
        ];
        assert_row(&format!("{positions} positions"), &got, &want);
    }
}

#[test]
fn pooling_standardized_relu_outputs_is_affine_in_pooling_relu() {
    let relu = moments(Activation::Relu);
    for (positions, mean, std) in [(4, 1.107899580, 1.149250755), (9, 1.860710419, 1.022791280)] {
        let pooled = max_pool_moments(Activation::Relu, positions);
        assert!(((pooled.mean - relu.mean) / relu.std() / mean - 1.0).abs() < 1e-9);
        assert!((pooled.std() / relu.std() / std - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_constants_of_normalization_propagation() {
    let relu = moments(Activation::Relu);
    // J = ½/(½ − 1/(2π)) = π/(π − 1).
    assert!((relu.jacobian_root() - 1.211173896236).abs() < 1e-12);
    let pi = std::f64::consts::PI;
    assert!((relu.jacobian() - pi / (pi - 1.0)).abs() < 1e-14);
}

#[test]
fn shifted_and_scaled_relu_as_analytic_variance_propagation_needs_it() {
    // Golden case "Analytic" (PyTorch 2.13.0, float64): β = (0.1, −0.3, 0.2), γ = (1, 0.8, 1.2).
    for (shift, scale, mean, variance) in [
        (0.1, 1.0, 0.4509353312, 0.3815786975),
        (-0.3, 0.8, 0.1913350051, 0.1324417636),
        (0.2, 1.2, 0.5853644258, 0.5897260931),
    ] {
        for sign in [1.0, -1.0] {
            let got = moments_at(Activation::Relu, shift, sign * scale);
            assert!((got.mean - mean).abs() < 1e-10, "{}", got.mean);
            assert!((got.variance() - variance).abs() < 1e-10);
        }
    }
}

#[test]
fn gauss_hermite_agrees_where_the_activation_is_smooth() {
    let count = 200_usize.try_into().expect("positive");
    let theirs = gauss_quad::GaussHermite::new(count);
    let expectation = |g: &dyn Fn(f64) -> f64, mean: f64, std: f64| {
        let shifted = |x: f64| g(mean + std * std::f64::consts::SQRT_2 * x);
        theirs.integrate(shifted) / std::f64::consts::PI.sqrt()
    };
    for name in ["gelu", "silu", "tanh", "sigmoid", "softplus"] {
        let f = Activation::parse(name).unwrap();
        for (mean, std) in [(0.0, 1.0), (-0.7, 0.6), (1.1, 0.9)] {
            let ours = moments_at(f, mean, std);
            for (got, want) in [
                (ours.mean, expectation(&|x| f.value(x), mean, std)),
                (ours.second, expectation(&|x| f.value(x).powi(2), mean, std)),
                (
                    ours.second_derivative,
                    expectation(&|x| f.derivative(x).powi(2), mean, std),
                ),
            ] {
                assert!(
                    (got - want).abs() < 1e-9,
                    "{name} {mean} {std}: {got} {want}"
                );
            }
        }
    }
}

#[test]
fn steins_identity_ties_the_mean_derivative_to_the_value() {
    for &f in Activation::ALL {
        for (mean, std) in [(0.0, 1.0), (0.4, 0.3), (-2.0, 3.0)] {
            let covariance =
                gaussian_expectation(|x| (x - mean) * f.value(x), mean, std, KNOTS) / (std * std);
            let slope = gaussian_expectation(|x| f.derivative(x), mean, std, KNOTS);
            assert!(
                (covariance - slope).abs() < 1e-12,
                "{f}: {covariance} {slope}"
            );
        }
    }
}

#[test]
fn a_point_mass_has_no_variance() {
    for &f in Activation::ALL {
        for x in [-1.5, 0.0, 0.7] {
            let point = moments_at(f, x, 0.0);
            assert_eq!((point.mean, point.variance()), (f.value(x), 0.0));
            assert_eq!(point.second, f.value(x).powi(2));
            assert_eq!(point.second_derivative, f.derivative(x).powi(2));
            let general = moments_of(|x| f.value(x), |x| f.derivative(x), x, 0.0);
            assert_eq!(general, point);
            if f.derivative(x) != 0.0 {
                assert_eq!(point.jacobian(), f64::INFINITY);
            }
        }
        assert!(moments_at(f, f64::NAN, 1.0).mean.is_nan(), "{f}");
        assert!(moments_at(f, 0.0, f64::NAN).variance().is_nan(), "{f}");
    }
}

#[test]
fn narrow_and_wide_inputs_have_the_limits_of_the_function() {
    for name in ["silu", "tanh", "sigmoid", "softplus", "gelu"] {
        let f = Activation::parse(name).unwrap();
        let narrow = moments_at(f, 0.3, 1e-5);
        assert!(
            (narrow.std() / (1e-5 * f.derivative(0.3)) - 1.0).abs() < 1e-8,
            "{name}"
        );
    }
    let wide = moments_at(Activation::Sigmoid, 0.0, 1e6);
    assert!((wide.second - 0.5).abs() < 1e-6);
    // ∫ (σ′)² = 1/6, spread over a density of height 1/(√(2π) · 1e6).
    let expected = gaussian::INVERSE_SQRT_TAU / 6e6;
    assert!((wide.second_derivative / expected - 1.0).abs() < 1e-10);
    let ramp = moments_at(Activation::Softplus, 0.0, 1e6);
    assert!((ramp.mean / 1e6 - moments(Activation::Relu).mean).abs() < 1e-10);
}
