//! Tensors of golden files.

use serde_json::Value;
use tch::Tensor;

/// The tensor that a golden file gives as `shape` and `values`, row by row.
pub fn tensor(value: &Value) -> Tensor {
    let numbers = |key: &str| {
        let items = value[key].as_array().unwrap();
        items.iter().map(|item| item.as_f64().unwrap())
    };
    let values: Vec<f64> = numbers("values").collect();
    let shape: Vec<i64> = numbers("shape").map(|extent| extent as i64).collect();
    Tensor::from_slice(&values).reshape(shape)
}
