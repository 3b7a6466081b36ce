//! The messages of ONNX that a network of plain operations needs, as `onnx.proto3` of ONNX 1.12 (IR version 8) defines
//! them. Field numbers are those of that file; fields that are never written are left out. Fields that readers look for even
//! where they are 0 or empty are optional here, since only those are then written.

/// `ModelProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Model {
    /// Version of the format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// The program's version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<OnnxGraph>,
    /// Versions of the operators.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Whatever else is known.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Property>,
}

/// `OperatorSetIdProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorSet {
    /// Empty for ONNX's own operators.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    /// The version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// `StringStringEntryProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Property {
    /// Name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `GraphProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OnnxGraph {
    /// Steps, each behind those that it needs.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<OnnxNode>,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<OnnxTensor>,
    /// What goes in.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// What comes out.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// `NodeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OnnxNode {
    /// Names of what it receives.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of what it makes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its settings.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// `AttributeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attribute {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// A whole number.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// Whole numbers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of these it is: 1, 2 or 7.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

impl Attribute {
    /// A number.
    pub fn number(name: &str, f: f64) -> Attribute {
        Attribute {
            name: name.to_owned(),
            f: Some(f as f32),
            kind: 1,
            ..Attribute::default()
        }
    }

    /// A whole number.
    pub fn whole(name: &str, i: i64) -> Attribute {
        Attribute {
            name: name.to_owned(),
            i: Some(i),
            kind: 2,
            ..Attribute::default()
        }
    }

    /// Whole numbers.
    pub fn list(name: &str, ints: &[i64]) -> Attribute {
        Attribute {
            name: name.to_owned(),
            ints: ints.to_vec(),
            kind: 7,
            ..Attribute::default()
        }
    }
}

/// Element type float32 of tensors.
pub const FLOAT: i32 = 1;
/// Element type int64 of tensors.
pub const INT64: i32 = 7;

/// `TensorProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OnnxTensor {
    /// Shape.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// Element type.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The values, little endian.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

/// `ValueInfoProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfo {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it is.
    #[prost(message, optional, tag = "2")]
    pub value_type: Option<ValueType>,
}

/// `TypeProto`, of tensors alone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueType {
    /// The tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorType {
    /// Element type.
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Shape.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShape {
    /// Extents.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// `TensorShapeProto.Dimension`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Dimension {
    /// How it is given.
    #[prost(oneof = "Extent", tags = "1, 2")]
    pub extent: Option<Extent>,
}

/// A number, or a name that stands for any.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Extent {
    /// `dim_value`.
    #[prost(int64, tag = "1")]
    Fixed(i64),
    /// `dim_param`.
    #[prost(string, tag = "2")]
    Any(String),
}

impl ValueInfo {
    /// A float32 tensor; an extent of nothing may be any number and is called N.
    pub fn float(name: &str, extents: &[Option<i64>]) -> ValueInfo {
        let dim = extents.iter().map(|extent| Dimension {
            extent: Some(match extent {
                Some(extent) => Extent::Fixed(*extent),
                None => Extent::Any("N".to_owned()),
            }),
        });
        let shape = Some(TensorShape { dim: dim.collect() });
        let tensor = Some(TensorType {
            elem_type: FLOAT,
            shape,
        });
        ValueInfo {
            name: name.to_owned(),
            value_type: Some(ValueType { tensor }),
        }
    }
}
