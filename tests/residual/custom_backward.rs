//! A backward pass of a layer's own, in networks whose signal goes two ways.
//!
//! With one image, online normalization multiplies and shifts gradients by numbers that it knew before:
//! g ↦ (g − (1−b)·V·y)/√(σ² + ε) − (1−b)·U. That is the derivative of y plus the constant's product with the input, which
//! libtorch can find without any graph being cut.

use std::cell::RefCell;
use std::rc::Rc;

use normprop::moments::Activation;
use normprop::nn::{
    Affine, Block, Builder, Layer, LinearOp, Network, Node, Normalization, NormalizedLayer, Pass,
    Role, backward,
};
use tch::{Device, Kind, Tensor};

use crate::{SMALL, disturb, largest, nodes, numbers, set, small};

/// 1 − b.
const STRENGTH: f64 = 0.3;
const OPTIONS: &str = "backward_decay = 0.7\nbound = \"none\"";

/// The products of the constants, to be subtracted from the loss.
type Constants = Rc<RefCell<Vec<Tensor>>>;

/// Online normalization of one image as ordinary operations.
struct Reference {
    op: LinearOp,
    affine: Affine,
    mean: Tensor,
    variance: Tensor,
    along_output: Tensor,
    along_ones: Tensor,
    constants: Constants,
}

impl Reference {
    fn build(
        block: &Block,
        builder: &mut Builder,
        constants: &Constants,
    ) -> anyhow::Result<Box<dyn Layer>> {
        NormalizedLayer::build(block, builder, |builder| {
            let zeros = builder.filled(block.op.outputs(), 0.0);
            let mut state = |name: &str| builder.buffer(name, zeros.copy());
            let (mean, variance) = (state("running_mean")?, state("running_var")?);
            let (along_output, along_ones) = (state("control_output")?, state("control_ones")?);
            Ok(Reference {
                op: block.op,
                affine: Affine::build(block, builder)?,
                mean,
                variance,
                along_output,
                along_ones,
                constants: constants.clone(),
            })
        })
    }
}

impl Normalization for Reference {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        let wide = |vector: &Tensor| self.op.per_channel(vector);
        let deviation = (wide(&self.variance) + 1e-5).sqrt();
        let output = (linear - wide(&self.mean)) / &deviation;
        let constant =
            output.detach() * wide(&self.along_output) / deviation + wide(&self.along_ones);
        let product = (linear * constant * STRENGTH).sum(Kind::Double);
        self.constants.borrow_mut().push(product);
        self.affine.apply(&output)
    }
}

/// The same network without a cut, and where its layers leave their constants.
fn reference(keys: &str) -> (Network, Constants) {
    let constants = Constants::default();
    let build = |node: &Node, builder: &mut Builder| {
        let block = node.block().expect("no recurrent layers");
        Reference::build(block, builder, &constants)
    };
    let nodes = nodes("resnet", keys, (2, 8), Activation::Relu);
    let network = Network::build(nodes, &build, 7, Kind::Double, Device::Cpu).unwrap();
    (network, constants)
}

fn loss(network: &Network, images: &Tensor, pass: &Pass) -> Tensor {
    let logits = network.logits(images, pass);
    let target = numbers(&logits.size(), 8);
    (logits.sin() * target).sum(Kind::Double)
}

#[test]
fn online_norm_passes_the_chain_rule_of_its_own_derivative() {
    let image = numbers(&[1, 2, 8, 8], 1);
    for keys in SMALL {
        let network = small(keys, "online-norm", OPTIONS);
        disturb(&network);
        for entry in network.parameters.iter().filter(|e| e.role == Role::Buffer) {
            let state = numbers(&entry.tensor.size(), 3) * 0.5;
            let positive = entry.name.ends_with("var");
            set(&entry.tensor, &if positive { state.exp() } else { state });
        }
        let (twin, constants) = reference(keys);
        for entry in network.parameters.iter() {
            set(crate::get(&twin, &entry.name), &entry.tensor);
        }

        let pass = Pass::train(0, 0);
        let found = backward::gradients(&loss(&network, &image, &pass), &network.parameters, &pass);

        let start = loss(&twin, &image, &Pass::train(0, 0));
        let mut constants = constants.borrow_mut();
        let objective = constants
            .drain(..)
            .fold(start, |objective, constant| objective - constant);
        let names: Vec<&str> = network
            .parameters
            .trainable()
            .map(|e| e.name.as_str())
            .collect();
        let parameters: Vec<&Tensor> = names.iter().map(|name| crate::get(&twin, name)).collect();
        let expected = Tensor::run_backward(&[&objective], &parameters, false, false);
        for ((name, found), expected) in names.iter().zip(found).zip(expected) {
            let gap = largest(&(found - &expected));
            assert!(gap <= 1e-10 * largest(&expected), "{keys} {name}: {gap:e}");
        }
    }
}
