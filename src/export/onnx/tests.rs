use std::collections::{BTreeMap, HashMap};

use tch::Device;

use super::super::proto::Extent;
use super::*;
use crate::event::{NetworkIdentity, PixelNormalization};
use crate::methods::{Descriptor, METHODS};
use crate::moments::Activation;
use crate::nn::graph::Graph;
use crate::nn::init::standard_normal;
use crate::nn::networks::{self, Architecture, Task, lstm, network_in_network, perceptron};
use crate::nn::residual::Order;
use crate::nn::{Evaluator, Network, NetworkKind, Node};
use crate::streams::{Purpose, stream};

const CHANNELS: i64 = 2;
const SIDE: i64 = 12;
const CLASSES: i64 = 3;

fn gaussian(shape: &[i64], seed: u64) -> Tensor {
    standard_normal(shape, &mut stream(seed, Purpose::Probe, 0)).to_kind(Kind::Float)
}

/// The file's bytes for a graph.
fn file(graph: &Graph, batch: Option<i64>) -> Vec<u8> {
    let identity = NetworkIdentity {
        config: serde_json::json!({}),
        dataset_sha256: String::new(),
        classes: vec!["a".into(), "b".into(), "c".into()],
        image: [CHANNELS as usize, SIDE as usize, SIDE as usize],
        normalization: PixelNormalization {
            mean: Vec::new(),
            std: Vec::new(),
        },
    };
    let about = BTreeMap::from([("method", "bn".to_owned())]);
    let subject = ExportedNetwork {
        graph,
        identity: &identity,
        about: &about,
    };
    encode(&subject, batch).unwrap()
}

fn residual(text: &str, activation: Activation) -> Vec<Node> {
    let architecture: Architecture = networks::find("resnet").unwrap().into();
    let architecture = architecture.with_keys(text.parse().unwrap()).unwrap();
    let task = Task {
        channels: CHANNELS,
        height: SIDE,
        width: SIDE,
        classes: CLASSES,
        activation,
    };
    (architecture.descriptor.build)(&architecture.options, &task).unwrap()
}

/// A network of each shape.
fn shapes(activation: Activation) -> Vec<Vec<Node>> {
    vec![
        network_in_network(CHANNELS, CLASSES, 0.02, activation),
        perceptron(CHANNELS * SIDE * SIDE, CLASSES, &[7, 5], activation),
        residual("depth = 8\nwidth = 0.25", activation),
        residual("depth = 8\nwidth = 0.25\nshortcut = \"A\"", activation),
        residual("depth = 8\nwidth = 0.25\norder = \"v1\"", activation),
        residual(
            "depth = 8\nwidth = 0.25\norder = \"v1\"\nshortcut = \"A\"",
            activation,
        ),
    ]
}

/// The network with parameters and averages away from where they start; nothing where the method does not serve it.
fn network(method: &Descriptor, nodes: Vec<Node>) -> Option<Network> {
    if !method.serves(NetworkKind::of(&nodes[0])) {
        return None;
    }
    let is_v1 = NetworkKind::of(&nodes[0]) == NetworkKind::Residual(Order::PostActivation);
    let options = match (method.name, is_v1) {
        // Its default is a rule of the other order.
        ("normprop", true) => "residual = \"v1-sqrt2\"",
        _ => "",
    };
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let network = method
        .network(&options, nodes, 5, Kind::Float, Device::Cpu)
        .unwrap();
    for (index, parameter) in network.parameters.iter().enumerate() {
        let change = gaussian(&parameter.tensor.size(), 40 + index as u64) * 0.1;
        let moved = &parameter.tensor * change.exp() + 0.03;
        tch::no_grad(|| parameter.tensor.shallow_clone().copy_(&moved));
    }
    Some(network)
}

/// Largest difference between the file's logits and our own, relative to the largest logit where that is above 1.
fn difference(network: &Network) -> Option<f64> {
    let constants = |numbers: &[f32]| Tensor::from_slice(numbers).view([1, CHANNELS, 1, 1]);
    let (mean, std) = (constants(&[0.4, 0.3]), constants(&[0.2, 0.5]));
    let graph = network.graph(&mean, &std)?;
    let images = gaussian(&[5, CHANNELS, SIDE, SIDE], 9).sigmoid();
    let ours = Evaluator::new(network).logits(&((&images - &mean) / &std));
    let theirs = tch::no_grad(|| run(&file(&graph, None), images));
    assert_eq!(ours.size(), theirs.size());
    let scale = ours.abs().max().double_value(&[]).max(1.0);
    Some((ours - theirs).abs().max().double_value(&[]) / scale)
}

#[test]
fn the_file_computes_what_our_evaluation_does_for_every_method_and_network() {
    let mut compared = 0;
    for method in METHODS {
        for (number, nodes) in shapes(Activation::Relu).into_iter().enumerate() {
            let Some(network) = network(method, nodes) else {
                continue;
            };
            let Some(gap) = difference(&network) else {
                assert!(!method.folds, "{} in network {number}", method.name);
                continue;
            };
            assert!(gap < 1e-5, "{} in network {number}: {gap:e}", method.name);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn the_file_computes_the_lstms_that_only_make_weights() {
    let mut leaving = Vec::new();
    for method in METHODS {
        let nodes = lstm(CHANNELS * SIDE, 6, CLASSES);
        let Some(network) = network(method, nodes) else {
            continue;
        };
        if let Some(gap) = difference(&network) {
            assert!(gap < 1e-5, "{}: {gap:e}", method.name);
            leaving.push(method.name);
        }
    }
    assert!(
        leaving.contains(&"none") && leaving.contains(&"weight-norm"),
        "{leaving:?}"
    );
}

#[test]
fn the_file_computes_every_activation() {
    let method = crate::methods::find("bn").unwrap();
    for activation in Activation::ALL {
        for (number, nodes) in shapes(*activation).into_iter().enumerate() {
            let gap = difference(&network(method, nodes).unwrap()).unwrap();
            assert!(gap < 1e-5, "{activation} in network {number}: {gap:e}");
        }
    }
}

#[test]
fn the_file_says_what_goes_in_and_what_comes_out() {
    let nodes = network_in_network(CHANNELS, CLASSES, 0.01, Activation::Relu);
    let network = network(crate::methods::find("none").unwrap(), nodes).unwrap();
    let one = Tensor::ones([1, CHANNELS, 1, 1], (Kind::Float, Device::Cpu));
    let graph = network.graph(&one, &one).unwrap();
    let extents = |batch| {
        let model = Model::decode(file(&graph, batch).as_slice()).unwrap();
        assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
        let graph = model.graph.unwrap();
        let info = [&graph.input[0], &graph.output[0]].map(|info| {
            let tensor = info.value_type.clone().unwrap().tensor.unwrap();
            let dims = tensor.shape.unwrap().dim;
            let dims: Vec<Extent> = dims.into_iter().map(|dim| dim.extent.unwrap()).collect();
            (info.name.clone(), dims)
        });
        info.to_vec()
    };
    let of = |first: Extent, rest: &[i64]| {
        let mut dims = vec![first];
        dims.extend(rest.iter().map(|&extent| Extent::Fixed(extent)));
        dims
    };
    let any = || Extent::Any("N".to_owned());
    let images = |first| ("images".to_owned(), of(first, &[CHANNELS, SIDE, SIDE]));
    let logits = |first| ("logits".to_owned(), of(first, &[CLASSES]));
    assert_eq!(extents(None), [images(any()), logits(any())]);
    let fixed = || Extent::Fixed(4);
    assert_eq!(extents(Some(4)), [images(fixed()), logits(fixed())]);
}

/// What the `onnx` package 1.x of Python wrote (`golden.hex`) is read by our messages, and written as it was.
#[test]
fn the_messages_are_those_of_onnx() {
    let digits: String = include_str!("golden.hex").split_whitespace().collect();
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let model = Model::decode(bytes.as_slice()).unwrap();
    let graph = model.graph.as_ref().unwrap();
    assert_eq!(
        (model.ir_version, model.producer_version.as_str()),
        (8, "0")
    );
    assert_eq!(model.opset_import[0].version, 17);
    assert_eq!(model.metadata_props[0].value, "bn");
    let [conv, leaky, flat] = graph.node.as_slice() else {
        panic!("{graph:?}")
    };
    assert_eq!(
        (conv.op_type.as_str(), conv.output[0].as_str()),
        ("Conv", "c")
    );
    let attribute = |name: &str| conv.attribute.iter().find(|found| found.name == name);
    assert_eq!(
        *attribute("pads").unwrap(),
        Attribute::list("pads", &[0; 4])
    );
    assert_eq!(leaky.attribute, [Attribute::number("alpha", 0.25)]);
    assert_eq!(flat.attribute, [Attribute::whole("axis", 1)]);
    let [weight, end] = graph.initializer.as_slice() else {
        panic!("{graph:?}")
    };
    assert_eq!(
        (weight.dims.as_slice(), weight.data_type),
        (&[2, 1, 1, 1][..], FLOAT)
    );
    assert_eq!(weight.raw_data[..4], 1.5_f32.to_le_bytes());
    assert_eq!(
        (end.data_type, end.raw_data.as_slice()),
        (INT64, &i64::MAX.to_le_bytes()[..])
    );
    assert_eq!(
        graph.input[0],
        ValueInfo::float("images", &[None, Some(1), Some(3), Some(3)])
    );
    assert_eq!(
        Model::decode(model.encode_to_vec().as_slice()).unwrap(),
        model
    );
    // Nothing of it was passed over: the same fields in the same order are the same bytes, but for the order of attributes.
    assert_eq!(model.encode_to_vec().len(), bytes.len());
}

/// Runs an ONNX file that has the operators we write.
fn run(bytes: &[u8], images: Tensor) -> Tensor {
    let graph = Model::decode(bytes).unwrap().graph.unwrap();
    let mut values = HashMap::from([(INPUT.to_owned(), images)]);
    for constant in graph.initializer {
        let kind = if constant.data_type == INT64 {
            Kind::Int64
        } else {
            Kind::Float
        };
        let tensor = Tensor::f_from_data_size(&constant.raw_data, &constant.dims, kind).unwrap();
        assert!(values.insert(constant.name, tensor).is_none());
    }
    for node in &graph.node {
        let inputs: Vec<&Tensor> = node.input.iter().map(|name| &values[name]).collect();
        let made = operator(node, &inputs);
        let output = node.output.last().unwrap().clone();
        assert!(values.insert(output, made).is_none());
    }
    values.remove(OUTPUT).unwrap()
}

/// An operator as the documentation of ONNX defines it.
fn operator(node: &OnnxNode, inputs: &[&Tensor]) -> Tensor {
    let attribute = |name: &str| {
        let mut all = node.attribute.iter();
        all.find(|attribute| attribute.name == name).unwrap()
    };
    let list = |name: &str| attribute(name).ints.clone();
    let alpha = || f64::from(attribute("alpha").f.unwrap());
    let x = inputs[0];
    match node.op_type.as_str() {
        "Identity" => x.shallow_clone(),
        "Add" => x + inputs[1],
        "Sub" => x - inputs[1],
        "Mul" => x * inputs[1],
        "Div" => x / inputs[1],
        "Erf" => x.erf(),
        "Relu" => x.relu(),
        "Tanh" => x.tanh(),
        "Sigmoid" => x.sigmoid(),
        "Softplus" => x.clamp_min(0.0) + (-x.abs()).exp().log1p(),
        "LeakyRelu" => x.clamp_min(0.0) + x.clamp_max(0.0) * alpha(),
        "PRelu" => x.clamp_min(0.0) + x.clamp_max(0.0) * inputs[1],
        "Elu" => x.clamp_min(0.0) + x.clamp_max(0.0).expm1() * alpha(),
        "Selu" => {
            (x.clamp_min(0.0) + x.clamp_max(0.0).expm1() * alpha())
                * f64::from(attribute("gamma").f.unwrap())
        }
        "Conv" => {
            let pads = list("pads");
            assert!(pads.iter().all(|pad| *pad == pads[0]));
            x.conv2d(
                inputs[1],
                Some(inputs[2]),
                list("strides"),
                &pads[..2],
                [1, 1],
                1,
            )
        }
        "Gemm" => {
            assert_eq!(attribute("transB").i, Some(1));
            x.matmul(&inputs[1].transpose(0, 1)) + inputs[2]
        }
        "MaxPool" => {
            let (window, pads) = (list("kernel_shape"), list("pads"));
            x.max_pool2d(window, list("strides"), &pads[..2], [1, 1], false)
        }
        "Transpose" => x.permute(list("perm")),
        "Squeeze" => x.squeeze_dim(Vec::<i64>::try_from(inputs[1]).unwrap()[0]),
        "Reshape" => {
            // 0 takes the extent from the input.
            let shape = Vec::<i64>::try_from(inputs[1]).unwrap();
            let pairs = shape.iter().zip(x.size());
            let shape: Vec<i64> = pairs
                .map(|(&extent, own)| if extent == 0 { own } else { extent })
                .collect();
            x.reshape(shape)
        }
        "LSTM" => {
            let hidden = attribute("hidden_size").i.unwrap();
            let start = x.new_zeros([1, x.size()[1], hidden], (Kind::Float, Device::Cpu));
            // i, o, f, c in the file; torch has i, f, c, o.
            let ordered = |tensor: &Tensor| {
                let gates = tensor.chunk(4, 0);
                Tensor::cat(&[0, 2, 3, 1].map(|gate| &gates[gate]), 0)
            };
            let biases = inputs[3].get(0).chunk(2, 0);
            let weights = [
                ordered(&inputs[1].get(0)),
                ordered(&inputs[2].get(0)),
                ordered(&biases[0]),
                ordered(&biases[1]),
            ];
            let (_, last, _) = x.lstm(
                &[start.shallow_clone(), start],
                &weights,
                true,
                1,
                0.0,
                false,
                false,
                false,
            );
            last
        }
        "GlobalAveragePool" => x.mean_dim([2, 3].as_slice(), true, Kind::Float),
        "Flatten" => x.flatten(attribute("axis").i.unwrap(), -1),
        "Slice" => {
            let numbers = |input: &Tensor| Vec::<i64>::try_from(input).unwrap();
            let [starts, ends, axes, steps] = [1, 2, 3, 4].map(|place| numbers(inputs[place]));
            let places = 0..axes.len();
            places.fold(x.shallow_clone(), |x, place| {
                x.slice(axes[place], starts[place], ends[place], steps[place])
            })
        }
        "Pad" => {
            // All begins by axis, then all ends; torch wants begin and end by axis, from the last one on.
            let pads = Vec::<i64>::try_from(inputs[1]).unwrap();
            let axes = pads.len() / 2;
            let by_axis = (0..axes)
                .rev()
                .flat_map(|axis| [pads[axis], pads[axis + axes]]);
            x.constant_pad_nd(by_axis.collect::<Vec<_>>())
        }
        other => panic!("{other}"),
    }
}
