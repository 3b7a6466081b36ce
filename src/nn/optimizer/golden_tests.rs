//! Ten steps equal PyTorch's: the formulas of its documentation (scripts/goldens/optimizers.py) and libtorch's own
//! optimizers.

use serde_json::Value as Json;
use tch::nn::OptimizerConfig as _;
use tch::{Device, Kind, nn};

use super::*;
use crate::nn::update::{AdamStep, RmsPropStep, SgdStep};

fn goldens() -> Json {
    serde_json::from_str(include_str!("../../../tests/goldens/optimizers.json")).unwrap()
}

fn tensor(values: &Json) -> Tensor {
    let values: Vec<f64> = serde_json::from_value(values.clone()).unwrap();
    Tensor::from_slice(&values)
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// The optimizer of a case.
fn config(case: &Json) -> OptimizerConfig {
    let number = |key: &str| case[key].as_f64().unwrap();
    let flag = |key: &str| case[key].as_bool().unwrap();
    let formula = match case["optimizer"].as_str().unwrap() {
        "sgd" => StepFormula::Sgd(SgdStep {
            momentum: number("momentum"),
            nesterov: flag("nesterov"),
        }),
        "adam" => StepFormula::Adam(AdamStep {
            beta1: number("beta1"),
            beta2: number("beta2"),
            eps: number("eps"),
            amsgrad: flag("amsgrad"),
            decoupled: flag("decoupled"),
        }),
        "rmsprop" => StepFormula::RmsProp(RmsPropStep {
            alpha: number("alpha"),
            eps: number("eps"),
            momentum: number("momentum"),
            centered: flag("centered"),
        }),
        other => panic!("{other}"),
    };
    OptimizerConfig {
        weight_decay: number("weight_decay"),
        ..OptimizerConfig::plain(formula)
    }
}

/// A parameter that starts as the goldens do, with its optimizer.
fn started(config: OptimizerConfig, start: &Tensor) -> (Parameters, Optimizer) {
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let _ = parameters
        .register("w".into(), Role::Weight, start.copy())
        .unwrap();
    let optimizer = Optimizer::new(config, &parameters).unwrap();
    (parameters, optimizer)
}

#[test]
fn ten_steps_of_every_optimizer_equal_pytorchs_formulas() {
    let goldens = goldens();
    let cases = goldens["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 23);
    for case in cases {
        let (parameters, mut optimizer) = started(config(case), &tensor(&goldens["start"]));
        for t in 0..10 {
            let gradient = [tensor(&goldens["gradients"][t])];
            optimizer.step(&parameters, &gradient, 0.03);
            let own = parameters.get("w").unwrap().detach();
            let difference = gap(&own, &tensor(&case["after"][t]));
            assert!(difference < 1e-12, "{difference:e} at step {t} of {case}");
        }
    }
}

/// libtorch's optimizer with the settings of a case.
fn torchs(config: &OptimizerConfig, variables: &nn::VarStore) -> nn::Optimizer {
    let wd = config.weight_decay;
    let built = match config.formula {
        StepFormula::Sgd(own) => nn::Sgd {
            momentum: own.momentum,
            dampening: 0.0,
            wd,
            nesterov: own.nesterov,
        }
        .build(variables, 0.03),
        StepFormula::Adam(own) if own.decoupled => nn::AdamW {
            beta1: own.beta1,
            beta2: own.beta2,
            wd,
            eps: own.eps,
            amsgrad: own.amsgrad,
        }
        .build(variables, 0.03),
        StepFormula::Adam(own) => nn::Adam {
            beta1: own.beta1,
            beta2: own.beta2,
            wd,
            eps: own.eps,
            amsgrad: own.amsgrad,
        }
        .build(variables, 0.03),
        StepFormula::RmsProp(own) => nn::RmsProp {
            alpha: own.alpha,
            eps: own.eps,
            wd,
            momentum: own.momentum,
            centered: own.centered,
        }
        .build(variables, 0.03),
    };
    built.unwrap()
}

#[test]
fn ten_steps_of_every_optimizer_equal_libtorchs() {
    let goldens = goldens();
    let start = tensor(&goldens["start"]);
    for case in goldens["cases"].as_array().unwrap() {
        let config = config(case);
        let (parameters, mut optimizer) = started(config, &start);
        let mut variables = nn::VarStore::new(Device::Cpu);
        let weight = variables.root().var_copy("w", &start);
        variables.double();
        tch::no_grad(|| weight.shallow_clone().copy_(&start));
        assert_eq!(weight.kind(), Kind::Double);
        let mut torchs = torchs(&config, &variables);
        for t in 0..10 {
            let gradient = tensor(&goldens["gradients"][t]);
            torchs.backward_step(&(&weight * &gradient).sum(Kind::Double));
            optimizer.step(&parameters, &[gradient], 0.03);
            let difference = gap(&parameters.get("w").unwrap().detach(), &weight.detach());
            assert!(difference < 1e-12, "{difference:e} at step {t} of {case}");
        }
    }
}
