//! A snapshot as one safetensors file that knows whether it is intact.
//!
//! The file is read by PyTorch as it is (`safetensors.torch.load_file`). Its metadata has one entry,
//! [`METADATA_KEY`], a JSON text with the schema version, the position, what the network is (from version 2 of the layout
//! on), and a SHA-256 over these and over name, element type, shape and bytes of every tensor in the order of their
//! names. What the checksum does not
//! cover (the order and offsets of the tensors in the file) the format itself determines, so that any changed bit
//! is found.

use crate::event::{ElementType, NamedTensor, NetworkIdentity, Position, Snapshot};
use crate::text::numbers::hexadecimal;
use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;

/// The metadata entry that holds what is not a tensor.
pub const METADATA_KEY: &str = "normprop";
/// Version of the metadata's layout: 2 has what the network is.
pub const SCHEMA_VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Header {
    schema_version: u32,
    position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkIdentity>,
    sha256: String,
}

/// The bytes of a snapshot's file.
pub fn encode(snapshot: &Snapshot) -> Result<Vec<u8>> {
    let tensors = sorted(&snapshot.tensors)?;
    let header = Header {
        schema_version: SCHEMA_VERSION,
        position: snapshot.position.clone(),
        network: snapshot.network.clone(),
        sha256: checksum(&tensors, &snapshot.position, snapshot.network.as_ref())?,
    };
    let mut views = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let view = TensorView::new(dtype(tensor.element), tensor.shape.clone(), &tensor.bytes)
            .with_context(|| format!("tensor `{}` cannot be saved", tensor.name))?;
        views.push((tensor.name.as_str(), view));
    }
    let header = serde_json::to_string(&header)?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// The snapshot in a file's bytes; an error says what is damaged.
pub fn decode(bytes: &[u8]) -> Result<Snapshot> {
    let file = SafeTensors::deserialize(bytes)
        .with_context(|| format!("not a whole safetensors file ({} bytes)", bytes.len()))?;
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(METADATA_KEY))
        .with_context(|| format!("the metadata entry `{METADATA_KEY}` is missing"))?;
    let header: Header = serde_json::from_str(text)
        .with_context(|| format!("the metadata entry `{METADATA_KEY}` cannot be read"))?;
    ensure!(
        (1..=SCHEMA_VERSION).contains(&header.schema_version),
        "its layout has version {}, this program reads versions up to {SCHEMA_VERSION}",
        header.schema_version
    );
    // A changed digit beyond a number's precision would read as the same position: harmless, but not intact.
    ensure!(
        serde_json::to_string(&header)? == *text,
        "the metadata entry `{METADATA_KEY}` is not as it was written"
    );
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        tensors.push(NamedTensor {
            name: name.to_owned(),
            element: element(name, view.dtype())?,
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        });
    }
    tensors.sort_by(|left, right| left.name.cmp(&right.name));
    let (position, network) = (header.position, header.network);
    let found = checksum(&sorted(&tensors)?, &position, network.as_ref())?;
    ensure!(
        found == header.sha256,
        "its content does not match its SHA-256 ({found}, recorded {})",
        header.sha256
    );
    Ok(Snapshot {
        network,
        tensors,
        position,
    })
}

/// Reads a checkpoint; an error names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Snapshot> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("checkpoint {} cannot be read", path.display()))?;
    decode(&bytes).with_context(|| format!("checkpoint {} is damaged", path.display()))
}

/// The tensors in the order of their names, which must be unique.
fn sorted(tensors: &[NamedTensor]) -> Result<Vec<&NamedTensor>> {
    let mut sorted: Vec<&NamedTensor> = tensors.iter().collect();
    sorted.sort_by(|left, right| left.name.cmp(&right.name));
    for [left, right] in sorted.array_windows() {
        ensure!(
            left.name != right.name,
            "two tensors are called `{}`",
            left.name
        );
    }
    let reserved = sorted.iter().any(|tensor| tensor.name == "__metadata__");
    ensure!(!reserved, "no tensor may be called `__metadata__`");
    Ok(sorted)
}

/// SHA-256 in hexadecimal; every text and list is preceded by its length, so that no two contents run together alike.
fn checksum(
    sorted: &[&NamedTensor],
    position: &Position,
    network: Option<&NetworkIdentity>,
) -> Result<String> {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(&serde_json::to_vec(position)?);
    if let Some(network) = network {
        part(&serde_json::to_vec(network)?);
    }
    for tensor in sorted {
        part(tensor.name.as_bytes());
        part(format!("{:?}", dtype(tensor.element)).as_bytes());
        let shape = tensor
            .shape
            .iter()
            .flat_map(|size| (*size as u64).to_le_bytes());
        part(&shape.collect::<Vec<u8>>());
        part(&tensor.bytes);
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn dtype(element: ElementType) -> Dtype {
    match element {
        ElementType::F32 => Dtype::F32,
        ElementType::F64 => Dtype::F64,
        ElementType::I64 => Dtype::I64,
    }
}

fn element(name: &str, dtype: Dtype) -> Result<ElementType> {
    match dtype {
        Dtype::F32 => Ok(ElementType::F32),
        Dtype::F64 => Ok(ElementType::F64),
        Dtype::I64 => Ok(ElementType::I64),
        other => bail!("tensor `{name}` has element type {other:?}, which a checkpoint never has"),
    }
}

#[cfg(test)]
mod tests;
