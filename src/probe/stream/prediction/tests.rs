use tch::Device;

use super::stage::RandomRows;
use super::*;
use crate::moments::{Activation, moments, moments_at};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// Independent rows of squared length `square` on single pixels.
fn rows(square: f64) -> Option<RandomRows> {
    Some(RandomRows::Kernel {
        squares: Tensor::full([1, 1, 1, 1], square, DOUBLE),
        sums: Tensor::full([1, 1, 1, 1], square.sqrt(), DOUBLE),
        bias: 0.0,
        stride: 1,
        padding: 0,
    })
}

/// y = √factor·(x + α·f(x/β)) with NormProp's branch.
fn unit(alpha: f64, variance: f64, factor: f64) -> StreamUnit {
    let plain = moments(Activation::Relu);
    let standardized = |rows| Stage {
        rows,
        slope: 0.0,
        offset: -plain.mean,
        scale: 1.0 / plain.std(),
    };
    StreamUnit {
        entry: standardized(Some(RandomRows::Factors {
            square: 1.0 / variance,
            bias: 0.0,
        })),
        first: standardized(rows(1.0)),
        projection: None,
        second: Stage {
            rows: rows(alpha * alpha),
            slope: 1.0,
            offset: 0.0,
            scale: 1.0,
        },
        shortcut: Shortcut::Identity,
        factor,
        share: 1.0,
    }
}

/// Unit second moments, nothing in common between images.
fn white() -> Products {
    let of = |count: i64, value: f64| Tensor::full([count, 1, 1, 1], value, DOUBLE);
    Products {
        second: of(2, 1.0),
        same: of(1, 0.0),
        apart: of(3, 0.0),
    }
}

fn through(units: &[StreamUnit]) -> Vec<StreamNumbers> {
    let mut places = vec![white()];
    for unit in units {
        places.push(unit.forward(&places[places.len() - 1]));
    }
    let ones = Tensor::ones([1, 1, 1, 1], DOUBLE);
    let maps = backward(units, &places, &ones);
    numbers(&places, &maps, &maps)
}

fn assert_close(value: f64, expected: f64) {
    let gap = (value - expected).abs();
    assert!(gap < 1e-12 * expected.abs().max(1.0), "{value}: {expected}");
}

/// y = x + α·f(x/β) with β² = 1 + l·α² has variance 1 + l·α² and multiplies squared gradients by 1 + α²·J²/β².
#[test]
fn alpha_beta_is_polynomial_in_depth() {
    let j_squared = moments(Activation::Relu).jacobian().powi(2);
    for alpha in [0.2, 1.0] {
        let variance = |l: usize| 1.0 + l as f64 * alpha * alpha;
        let units: Vec<StreamUnit> = (0..12).map(|l| unit(alpha, variance(l), 1.0)).collect();
        for (l, number) in through(&units).iter().enumerate() {
            assert_close(number.second_moment, variance(l));
            assert_close(number.variance, variance(l));
            assert_close(number.similarity, 0.0);
            if l < 12 {
                let gain = 1.0 + alpha * alpha * j_squared / variance(l);
                assert_close(number.gradient_ratio, gain);
                let kept = variance(12) / variance(l);
                assert_close(number.nonlinearity.powi(2) * kept, number.gradient);
            }
        }
    }
}

#[test]
fn sqrt2_keeps_the_variance_and_not_the_gradient() {
    let j_squared = moments(Activation::Relu).jacobian().powi(2);
    let units: Vec<StreamUnit> = (0..5).map(|_| unit(1.0, 1.0, 0.5)).collect();
    for number in &through(&units)[..5] {
        assert_close(number.second_moment, 1.0);
        assert_close(number.gradient_ratio, 0.5 * (1.0 + j_squared));
    }
}

/// With x + f the variance doubles in the first unit; then m and s of N(0, 1) are wrong, and a mean comes up.
#[test]
fn naive_sums_double_the_variance_and_bring_up_a_mean() {
    let plain = moments(Activation::Relu);
    let second = |q: f64| {
        let at = moments_at(Activation::Relu, 0.0, q.sqrt());
        ((at.mean - plain.mean).powi(2) + at.variance()) / plain.variance()
    };
    let units: Vec<StreamUnit> = (0..9).map(|_| unit(1.0, 1.0, 1.0)).collect();
    let found = through(&units);
    assert_close(found[1].variance, 2.0);
    assert_close(found[1].squared_mean(), 0.0);
    assert_close(found[2].second_moment, 2.0 + second(second(2.0)));
    assert!(found[2].squared_mean() > 0.05);
    for number in &found[..9] {
        assert_close(
            number.gradient_ratio,
            1.0 + plain.jacobian() * plain.jacobian(),
        );
    }
}

/// A wide network's kernels take from the border what the zeros there take.
#[test]
fn zeros_at_the_border_take_their_part() {
    let squares = Tensor::full([1, 1, 3, 3], 1.0 / 9.0, DOUBLE);
    let stage = Stage {
        rows: Some(RandomRows::Kernel {
            sums: squares.sqrt(),
            squares,
            bias: 0.0,
            stride: 1,
            padding: 1,
        }),
        slope: 1.0,
        offset: 0.0,
        scale: 1.0,
    };
    let ones = |count: i64| Tensor::ones([count, 1, 8, 8], DOUBLE);
    let white = Products {
        second: ones(2),
        same: ones(1) * 0.0,
        apart: ones(3) * 0.0,
    };
    let nothing = white.scaled(0.0);
    let (behind, _) = stage.forward(&(white, nothing));
    let border: f64 = (3.0 * 8.0 - 2.0) / (3.0 * 8.0);
    assert_close(behind.second_moment(), border * border);
    let back = stage.backward(&ones(1), (8, 8));
    assert_close(mean_of(&back), border * border);
}

fn mean_of(map: &Tensor) -> f64 {
    map.mean(Kind::Double).double_value(&[])
}
