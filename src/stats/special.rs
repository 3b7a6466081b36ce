//! The normal and Student-t distributions, in both tails to a relative error of about 10⁻¹⁰.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::ln_gamma;

/// Density of the standard normal, φ(x) = exp(−x²/2) / √(2π).
pub fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Distribution function of the standard normal, Φ(x) = P(X ≤ x).
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// Upper tail of the standard normal, 1 − Φ(x), without cancellation for large x.
pub fn normal_sf(x: f64) -> f64 {
    0.5 * erfc(x / SQRT_2)
}

/// ln(1 − Φ(x)), finite wherever x² is.
///
/// Beyond x = 30 the tail nears the smallest double, so Laplace's asymptotic series
/// φ(x)/x · (1 − 1/x² + 3/x⁴ − 15/x⁶) takes over; its relative error there is below 2·10⁻¹⁰.
pub fn normal_log_sf(x: f64) -> f64 {
    if x < -1.0 {
        (-normal_cdf(x)).ln_1p()
    } else if x < 30.0 {
        normal_sf(x).ln()
    } else {
        let inverse_square = 1.0 / (x * x);
        let series = -inverse_square * (1.0 - inverse_square * (3.0 - 15.0 * inverse_square));
        -0.5 * x * x - x.ln() - 0.5 * (2.0 * PI).ln() + series.ln_1p()
    }
}

/// ln Φ(x), finite wherever x² is.
pub fn normal_log_cdf(x: f64) -> f64 {
    normal_log_sf(-x)
}

/// Quantile of the standard normal, Φ⁻¹(p); ±∞ at p = 1 and 0, NaN outside [0, 1].
pub fn normal_quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) {
        -SQRT_2 * erfc_inv(2.0 * p)
    } else {
        f64::NAN
    }
}

/// Two-sided tail of Student's t, P(|T| ≥ |t|), with ν = `degrees` > 0 degrees of freedom.
///
/// P = Iₓ(ν/2, ½) at x = ν/(ν + t²), Iₓ the regularized incomplete beta function. Both x and 1 − x
/// are formed without subtraction and Γ((ν+1)/2)/Γ(ν/2) as one ratio, so that millions of degrees
/// of freedom cost no accuracy. NaN for ν ≤ 0 or a NaN argument.
pub fn student_t_two_sided(t: f64, degrees: f64) -> f64 {
    if t.is_nan() || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    let square = t * t;
    if square == 0.0 {
        return 1.0;
    }
    if square.is_infinite() {
        return 0.0;
    }
    let a = 0.5 * degrees;
    let x = degrees / (degrees + square);
    let complement = square / (degrees + square);
    let ln_front = -a * (square / degrees).ln_1p() + 0.5 * complement.ln() + ln_gamma_half_step(a)
        - 0.5 * PI.ln();
    let front = ln_front.exp();
    let tail = if x < (a + 1.0) / (a + 2.5) {
        front * beta_fraction(a, 0.5, x) / a
    } else {
        1.0 - front * beta_fraction(0.5, a, complement) / 0.5
    };
    tail.clamp(0.0, 1.0)
}

/// The t with P(|T| ≥ t) = `alpha`: the half-width factor of a 1 − `alpha` interval.
///
/// Newton's method on ln P as a function of ln t, which is concave and decreasing, so that after
/// at most one overshoot the iterates fall monotonically onto the root. NaN unless 0 < alpha < 1
/// and ν > 0.
pub fn student_t_critical(alpha: f64, degrees: f64) -> f64 {
    let valid = alpha > 0.0 && alpha < 1.0 && degrees > 0.0 && degrees.is_finite();
    if !valid {
        return f64::NAN;
    }
    let ln_density_scale = ln_gamma_half_step(0.5 * degrees) - 0.5 * (degrees * PI).ln();
    let mut t = -normal_quantile(0.5 * alpha);
    for _ in 0..200 {
        let tail = student_t_two_sided(t, degrees);
        let ln_density = ln_density_scale - 0.5 * (degrees + 1.0) * (t * t / degrees).ln_1p();
        let slope = 2.0 * t * ln_density.exp() / tail;
        let step = (tail / alpha).ln() / slope;
        if !step.is_finite() {
            return f64::NAN;
        }
        t *= step.clamp(-30.0, 30.0).exp();
        if step.abs() < 1e-14 {
            break;
        }
    }
    t
}

/// ln Γ(z + ½) − ln Γ(z) for z > 0.
fn ln_gamma_half_step(z: f64) -> f64 {
    if z < 20.0 {
        return ln_gamma(z + 0.5) - ln_gamma(z);
    }
    let inverse_square = 1.0 / (z * z);
    let series = inverse_square
        * (1.0 / 192.0 - inverse_square * (1.0 / 640.0 - inverse_square * 17.0 / 14336.0));
    0.5 * z.ln() + (-0.125 + series) / z
}

/// The continued fraction F of Iₓ(a, b) = xᵃ(1−x)ᵇ / (a·B(a, b)) · F, by Lentz's method
/// (DLMF 8.17.22). It takes about √max(a, b) terms where x < (a+1)/(a+b+2).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = denominator;
    for m in 1..100_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            denominator = 1.0 / guard(1.0 + coefficient * denominator);
            numerator = guard(1.0 + coefficient / numerator);
            change = numerator * denominator;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, section};

    #[test]
    fn the_normal_agrees_with_scipy_in_both_tails() {
        let golden = section("normal");
        let expected = ["cdf", "sf", "log_sf"].map(|name| column(&golden, name));
        for (i, x) in column(&golden, "x").into_iter().enumerate() {
            assert_relative(normal_cdf(x), expected[0][i], 1e-10, &format!("cdf {x}"));
            assert_relative(normal_sf(x), expected[1][i], 1e-10, &format!("sf {x}"));
            assert_relative(
                normal_log_sf(x),
                expected[2][i],
                1e-10,
                &format!("log sf {x}"),
            );
            assert_eq!(normal_log_cdf(-x), normal_log_sf(x));
        }
    }

    #[test]
    fn normal_quantiles_agree_with_scipy() {
        let golden = section("normal_quantile");
        let expected = column(&golden, "x");
        for (p, x) in column(&golden, "p").into_iter().zip(expected) {
            assert!(
                (normal_quantile(p) - x).abs() < 1e-11 * x.abs().max(1.0),
                "{p}: {x}"
            );
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(1.5).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn student_tails_and_critical_values_agree_with_scipy() {
        let golden = section("student");
        let (t, degrees) = (column(&golden, "t"), column(&golden, "df"));
        for (i, p) in column(&golden, "p").into_iter().enumerate() {
            let what = format!("t = {}, df = {}", t[i], degrees[i]);
            assert_relative(student_t_two_sided(t[i], degrees[i]), p, 1e-9, &what);
            if p < 1.0 {
                assert_relative(student_t_critical(p, degrees[i]), t[i], 1e-8, &what);
            }
        }
    }

    #[test]
    fn student_has_stated_answers_at_the_edges() {
        assert_eq!(student_t_two_sided(0.0, 3.0), 1.0);
        assert_eq!(student_t_two_sided(f64::INFINITY, 3.0), 0.0);
        assert!(student_t_two_sided(1.0, 0.0).is_nan());
        assert!(student_t_critical(0.0, 3.0).is_nan());
        assert!(student_t_critical(0.05, f64::INFINITY).is_nan());
    }
}
