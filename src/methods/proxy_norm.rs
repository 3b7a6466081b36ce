//! Proxy Normalization (Labatie, Masters, Eaton-Rosen, Luschi, NeurIPS 2021, arXiv:2106.03743).
//!
//! A normalization without a batch, y = LN(W·x) or GN(W·x) without gain and shift, then z = f(γy + β), and
//! then z is normalized by the mean and variance that it would have if y were Gaussian: with Y at 200
//! midpoint quantiles of N(0, 1), Z = f(γ((1 + g')Y + b') + β), out = (z − mean Z)/√(var Z + ε), channel by
//! channel. g' and b' start at 0; gradients go through mean Z and var Z.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::moments::gaussian::midpoint_quantiles;
use crate::nn::groups::{GROUPS, group_norm, groups};
use crate::nn::{
    ActivationPool, Affine, Block, Builder, GroupNorm, Layer, Linear, NormalizedLayer, Pass,
    Signal, init, plain,
};
use crate::options::{OptionSpec, Options};

/// Quantiles that stand for the proxy.
const QUANTILES: usize = 200;

/// What `proxy-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "proxy-norm",
    summary: "layer or group normalization; then each channel is standardized as if its input were Gaussian",
    formula: "y = (z − E Z)/√(Var Z + ε),  z = f(γ·LN(W·x) + β),  Z = f(γ·((1 + g')Y + b') + β),  Y ~ N(0, 1)",
    paper: Paper {
        authors: "Labatie, Masters, Eaton-Rosen, Luschi",
        title: "Proxy-Normalizing Activations to Match Batch Normalization while Removing Batch Dependence",
        venue: "NeurIPS 2021, arXiv:2106.03743",
    },
    acts_on: &[ActsOn::PreActivation, ActsOn::Activation],
    extra_parameters: "γ, β, g', b'",
    options: &[
        OptionSpec::choice("norm", &["layer", "group"]).help("the normalization before it"),
        GROUPS.help("groups of \"group\"; 0 chooses as group-norm does"),
        OptionSpec::number("proxy_eps", 0.03, 0.0, 1.0).help("ε, added to the proxy's variance"),
        OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε of the normalization before it"),
    ],
    departures: &[
        "Gradients go through the proxy's mean and variance with the others; the reference updates them inside its optimizer step.",
        "g' and b' have the weights' decay, as in the reference.",
        "In residual networks there is no proxy where no activation follows the normalization (it would undo γ and β), nor behind a sum (ours).",
        "A pool stands between the activation and the standardization, which gives the same numbers.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return plain::build(block, builder);
    }
    let channels = block.op.outputs();
    let eps = options.number("eps");
    let groups = || match options.choice("norm") {
        "group" => groups(options.count("groups"), block),
        _ => Ok(1),
    };
    if !block.is_normalized() || !block.is_activated() {
        return NormalizedLayer::build(block, builder, |builder| {
            GroupNorm::build(groups()?, eps, block, builder)
        });
    }
    let groups = groups()?;
    let weight = init::he(&builder.direction(), block.op.fan_in());
    let linear = Linear::build(block, weight, builder)?;
    let affine = Affine::build(block, builder)?;
    let quantiles = Tensor::from_slice(&midpoint_quantiles(QUANTILES)).view([-1, 1]);
    Ok(Box::new(ProxyNorm {
        // Registered as weights, since they are decayed like weights.
        proxy_gain: builder.weight("proxy_gain", builder.filled(channels, 0.0))?,
        proxy_shift: builder.weight("proxy_shift", builder.filled(channels, 0.0))?,
        quantiles: builder.constant(&quantiles),
        groups,
        eps,
        proxy_eps: options.number("proxy_eps"),
        activation_pool: ActivationPool::build(block, builder)?,
        linear,
        affine,
    }))
}

struct ProxyNorm {
    linear: Linear,
    affine: Affine,
    /// g', `[outputs]`.
    proxy_gain: Tensor,
    /// b', `[outputs]`.
    proxy_shift: Tensor,
    /// Y, `[QUANTILES, 1]`.
    quantiles: Tensor,
    groups: i64,
    eps: f64,
    proxy_eps: f64,
    activation_pool: ActivationPool,
}

impl ProxyNorm {
    /// Mean and biased variance of Z, `[outputs]` each.
    fn proxy_moments(&self) -> (Tensor, Tensor) {
        let proxy = &self.quantiles * (&self.proxy_gain + 1.0) + &self.proxy_shift;
        let z = self
            .activation_pool
            .activate(proxy * &self.affine.gamma + &self.affine.beta);
        let (variance, mean) = z.var_mean_dim([0].as_slice(), false, false);
        (mean, variance)
    }
}

impl Layer for ProxyNorm {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let linear = self.linear.apply(&input.value());
        group_norm(&linear, self.groups, Some(&self.affine), self.eps)
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let (mean, variance) = self.proxy_moments();
        let factor = (variance + self.proxy_eps).rsqrt();
        let op = self.linear.op();
        let shift = op.per_channel(&(-mean * &factor));
        Signal::plain(shift.addcmul(&self.activation_pool.apply(pre), &op.per_channel(&factor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::{Activation, moments};
    use tch::Kind;

    fn one(tensor: &Tensor) -> f64 {
        tensor.double_value(&[0])
    }

    fn layer(activation: Activation, quantiles: usize) -> ProxyNorm {
        let op = crate::nn::block::LinearOp::Dense {
            inputs: 3,
            outputs: 2,
        };
        let vector = |value: f64| Tensor::full([2], value, (Kind::Double, tch::Device::Cpu));
        let mut parameters = crate::nn::parameters::Parameters::new(Kind::Double, tch::Device::Cpu);
        let block = Block {
            name: "layer".into(),
            op,
            activation,
            pool: None,
            first: true,
            last: false,
            residual: None,
        };
        let mut builder = Builder::new(&mut parameters, "layer", conformance::gaussian(&[2, 3], 1));
        ProxyNorm {
            linear: Linear::build(&block, conformance::gaussian(&[2, 3], 1), &mut builder).unwrap(),
            affine: Affine::build(&block, &mut builder).unwrap(),
            proxy_gain: vector(0.0),
            proxy_shift: vector(0.0),
            quantiles: Tensor::from_slice(&midpoint_quantiles(quantiles)).view([-1, 1]),
            groups: 1,
            eps: 1e-5,
            proxy_eps: 0.03,
            activation_pool: ActivationPool::build(&block, &mut builder).unwrap(),
        }
    }

    #[test]
    fn golden_constants_at_the_start() {
        let (mean, variance) = layer(Activation::Relu, QUANTILES).proxy_moments();
        let factor = (&variance + 0.03).rsqrt();
        let got = [one(&mean), one(&variance), one(&factor)];
        conformance::assert_close(&got, &[0.3984511734, 0.3380347742, 1.648373304]);
    }

    #[test]
    fn many_quantiles_give_the_gaussian_moments() {
        for activation in [
            Activation::Relu,
            Activation::Tanh,
            Activation::Selu,
            Activation::Silu,
        ] {
            let (mean, variance) = layer(activation, 100_000).proxy_moments();
            let exact = moments(activation);
            assert!((one(&mean) - exact.mean).abs() < 1e-4, "{activation:?}");
            assert!(
                (one(&variance) - exact.variance()).abs() < 2e-4,
                "{activation:?}"
            );
        }
    }

    #[test]
    fn gaussian_inputs_come_out_with_mean_zero() {
        let made = layer(Activation::Relu, QUANTILES);
        let y = Tensor::from_slice(&midpoint_quantiles(20_000))
            .view([-1, 1])
            .expand([-1, 2], false);
        let out = made.post_activation(y.contiguous(), &Pass::eval()).value();
        assert!(out.mean(Kind::Double).double_value(&[]).abs() < 1e-3);
        let expected = 0.3408450569 / (0.3380347742 + 0.03);
        assert!((out.var(false).double_value(&[]) - expected).abs() < 1e-3);
    }

    #[test]
    fn the_proxy_follows_gain_shift_and_its_own_parameters() {
        let made = layer(Activation::Identity, 20_000);
        tch::no_grad(|| {
            made.affine
                .gamma
                .shallow_clone()
                .copy_(&Tensor::from_slice(&[2.0, 0.5]));
            made.affine
                .beta
                .shallow_clone()
                .copy_(&Tensor::from_slice(&[0.3, -0.1]));
            made.proxy_gain
                .shallow_clone()
                .copy_(&Tensor::from_slice(&[0.5, 0.0]));
            made.proxy_shift
                .shallow_clone()
                .copy_(&Tensor::from_slice(&[0.1, -0.2]));
        });
        let (mean, variance) = made.proxy_moments();
        // γ·b' + β and (γ(1 + g'))².
        assert!(conformance::gap(&mean, &Tensor::from_slice(&[0.5, -0.2])) < 1e-9);
        assert!(conformance::gap(&variance, &Tensor::from_slice(&[9.0, 0.25])) < 5e-3);
    }

    #[test]
    fn standardizing_after_the_pool_is_the_same() {
        let x = conformance::gaussian(&[3, 2, 8, 8], 2);
        for norm in ["layer", "group"] {
            let net = conformance::conv_network(
                "proxy-norm",
                &format!("norm = \"{norm}\"\ngroups = 1"),
                3,
            );
            let built = &net.blocks[0];
            let pre = built
                .layer
                .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
            let z = (pre.relu() - 0.39845117336) * 1.6483733038;
            let pooled = built.node.block().unwrap().pool.unwrap().apply(&z);
            let y = built.layer.post_activation(pre, &Pass::eval()).value();
            assert!(conformance::gap(&y, &pooled) < 1e-8, "{norm}");
        }
    }

    #[test]
    fn trained_slopes_enter_the_proxy() {
        let net = conformance::conv_with("proxy-norm", "", Activation::Prelu { slope: 0.25 }, 3);
        let logits = net.logits(&conformance::gaussian(&[3, 2, 8, 8], 2), &Pass::train(0, 0));
        let slope = net.parameters.get("conv1.slope").unwrap();
        let gradient = &Tensor::run_backward(
            &[&logits.square().sum(Kind::Double)],
            &[slope],
            false,
            false,
        )[0];
        assert!(gradient.abs().min().double_value(&[]) > 0.0);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("proxy-norm", &["norm = \"group\""]);
    }
}
