use super::*;
use tch::Kind;

/// Every name, and parameters that change the shape: steeper below 0 than above, falling below 0.
fn activations() -> impl Iterator<Item = Activation> {
    let others = ["leaky:1.5", "leaky:-1", "prelu:1.5", "elu:-0.7"];
    let named = Activation::ALL.iter().copied();
    named.chain(others.map(|name| Activation::parse(name).unwrap()))
}

/// The end of a layer of one channel, with PReLU's trained slope or, as methods with constants of their own
/// have it, without.
fn ends(activation: Activation) -> Vec<ActivationPool> {
    let end = |slope: Option<Tensor>| ActivationPool {
        activation,
        slope,
        pool: None,
    };
    match activation {
        Activation::Prelu { slope } => vec![end(Some(Tensor::from_slice(&[slope]))), end(None)],
        _ => vec![end(None)],
    }
}

#[test]
fn activations_and_their_derivatives_are_those_that_the_moments_are_taken_of() {
    // Eighths, 0 among them; PyTorch takes softplus for the identity from 20 on.
    let grid: Vec<f64> = (-96..=96).map(|index| f64::from(index) / 8.0).collect();
    for activation in activations() {
        for end in ends(activation) {
            let x = Tensor::from_slice(&grid)
                .view([-1, 1])
                .set_requires_grad(true);
            let y = end.activate(&x * 1.0);
            let slopes = &Tensor::run_backward(&[y.sum(Kind::Double)], &[&x], false, false)[0];
            for (index, &at) in grid.iter().enumerate() {
                let place = [index as i64, 0];
                let (got, want) = (y.double_value(&place), activation.value(at));
                assert!(
                    (got - want).abs() < 1e-13,
                    "{activation} at {at}: {got} {want}"
                );
                let (got, want) = (slopes.double_value(&place), activation.derivative(at));
                // ELU is put together from two halves, each of which has a derivative at the kink.
                let kink = at == 0.0 && matches!(activation, Activation::Elu { .. });
                assert!(
                    kink || (got - want).abs() < 1e-13,
                    "{activation}' at {at}: {got} {want}"
                );
            }
        }
    }
}
