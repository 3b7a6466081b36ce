use super::*;
use crate::event::{EpochSums, PixelNormalization};
use proptest::prelude::*;

fn tensor(name: &str, element: ElementType, shape: &[usize], bytes: Vec<u8>) -> NamedTensor {
    NamedTensor {
        name: name.to_owned(),
        element,
        shape: shape.to_vec(),
        bytes,
    }
}

fn snapshot() -> Snapshot {
    let tensors = vec![
        tensor(
            "blocks.0.weight",
            ElementType::F32,
            &[2, 3],
            (0..24).collect(),
        ),
        tensor(
            "counter",
            ElementType::I64,
            &[],
            41_i64.to_le_bytes().to_vec(),
        ),
        tensor(
            "momentum.blocks.0.weight",
            ElementType::F64,
            &[1, 2],
            vec![9; 16],
        ),
        tensor("nothing", ElementType::F32, &[0, 5], Vec::new()),
    ];
    let position = Position {
        epoch: 3,
        step_in_epoch: 17,
        step: 257,
        sums: EpochSums {
            images: 850,
            steps: 17,
            loss: 0.1 + 0.2,
            wrong: 12,
            squared_grad_norm: 1e-300,
            train_s: 1.5,
        },
        best: Some((0.12345678901234568, 2)),
        train_s: 99.75,
    };
    Snapshot {
        network: Some(network()),
        tensors,
        position,
    }
}

fn network() -> NetworkIdentity {
    NetworkIdentity {
        config: serde_json::json!({ "model": "nin", "width": 0.1, "method": { "name": "bn", "eps": 1e-5 } }),
        dataset_sha256: "0123".to_owned(),
        classes: vec!["shoe".to_owned(), "shirt".to_owned()],
        image: [1, 2, 2],
        normalization: PixelNormalization {
            mean: vec![0.1 + 0.2],
            std: vec![1.0 / 3.0],
        },
    }
}

#[test]
fn a_checkpoint_says_what_it_is_and_one_of_the_first_layout_is_read() {
    let whole = snapshot();
    let old = Snapshot {
        network: None,
        ..snapshot()
    };
    let bytes = encode(&old).unwrap();
    // As version 0.2.0 wrote it.
    let mut first = bytes.clone();
    let place = bytes
        .windows(18)
        .position(|part| part == b"schema_version\\\":2")
        .unwrap();
    first[place + 17] = b'1';
    assert_eq!(decode(&first).unwrap(), old);
    first[place + 17] = b'3';
    let error = decode(&first).unwrap_err().to_string();
    assert!(error.contains("version 3, this program reads"), "{error}");

    let bytes = encode(&whole).unwrap();
    assert_eq!(decode(&bytes).unwrap().network, Some(network()));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let text = &metadata.metadata().as_ref().unwrap()[METADATA_KEY];
    let read: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(read["network"]["config"]["method"]["name"], "bn");
    assert_eq!(read["network"]["classes"][1], "shirt");
}

#[test]
fn a_snapshot_round_trips_and_its_bytes_are_always_the_same() {
    let bytes = encode(&snapshot()).unwrap();
    assert_eq!(decode(&bytes).unwrap(), snapshot());
    let mut shuffled = snapshot();
    shuffled.tensors.reverse();
    assert_eq!(encode(&shuffled).unwrap(), bytes);
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = encode(&snapshot()).unwrap();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            assert!(decode(&damaged).is_err(), "bit {bit} of byte {index}");
        }
    }
}

#[test]
fn every_truncation_and_any_addition_is_found() {
    let bytes = encode(&snapshot()).unwrap();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(decode(&[&bytes[..], b"\0"].concat()).is_err());
}

/// The file that another tensor list gets when it is written with the header of [`snapshot`].
fn with_the_header_of_another(tensors: &[NamedTensor]) -> Vec<u8> {
    let bytes = encode(&snapshot()).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(dtype(tensor.element), tensor.shape.clone(), &tensor.bytes);
        (tensor.name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, metadata.metadata().clone()).unwrap()
}

#[test]
fn a_wrong_shape_type_name_or_number_of_tensors_is_found() {
    let whole = with_the_header_of_another(&snapshot().tensors);
    assert_eq!(decode(&whole).unwrap(), snapshot());
    let changes: [fn(&mut Vec<NamedTensor>); 5] = [
        |tensors| tensors[0].shape = vec![3, 2],
        |tensors| tensors[0].shape = vec![6],
        |tensors| tensors[1].element = ElementType::F64,
        |tensors| tensors[2].name = "momentum.blocks.1.weight".to_owned(),
        |tensors| tensors.truncate(3),
    ];
    for change in changes {
        let mut tensors = snapshot().tensors;
        change(&mut tensors);
        let error = decode(&with_the_header_of_another(&tensors)).unwrap_err();
        assert!(error.to_string().contains("SHA-256"), "{error:#}");
    }
}

#[test]
fn errors_say_which_file_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint-3.safetensors");
    let missing = format!("{:#}", read(&path).unwrap_err());
    assert!(
        missing.contains("checkpoint-3.safetensors cannot be read"),
        "{missing}"
    );
    std::fs::write(&path, &encode(&snapshot()).unwrap()[..100]).unwrap();
    let torn = format!("{:#}", read(&path).unwrap_err());
    assert!(
        torn.contains(
            "checkpoint-3.safetensors is damaged: not a whole safetensors file (100 bytes)"
        )
    );
    let plain = safetensors::serialize(Vec::<(&str, TensorView)>::new(), None).unwrap();
    std::fs::write(&path, plain).unwrap();
    let foreign = format!("{:#}", read(&path).unwrap_err());
    assert!(
        foreign.contains("the metadata entry `normprop` is missing"),
        "{foreign}"
    );
}

#[test]
fn a_newer_layout_is_named() {
    let bytes = encode(&snapshot()).unwrap();
    let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
    let place = 8 + text.find("schema_version\\\":2").unwrap() + "schema_version\\\":".len();
    let mut newer = bytes.clone();
    newer[place] = b'7';
    let error = decode(&newer).unwrap_err().to_string();
    assert!(
        error.contains("version 7, this program reads versions up to 2"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_saved_is_refused_by_name() {
    let mut twice = snapshot();
    twice.tensors[1].name = "nothing".to_owned();
    assert!(
        encode(&twice)
            .unwrap_err()
            .to_string()
            .contains("two tensors are called `nothing`")
    );
    let mut short = snapshot();
    short.tensors[0].bytes.pop();
    assert!(
        encode(&short)
            .unwrap_err()
            .to_string()
            .contains("`blocks.0.weight` cannot be saved")
    );
    let mut reserved = snapshot();
    reserved.tensors[0].name = "__metadata__".to_owned();
    assert!(encode(&reserved).is_err());
}

#[test]
fn sums_that_are_not_finite_survive() {
    let mut snapshot = snapshot();
    snapshot.position.sums.loss = f64::INFINITY;
    snapshot.position.sums.squared_grad_norm = f64::NEG_INFINITY;
    snapshot.position.train_s = f64::NAN;
    let back = decode(&encode(&snapshot).unwrap()).unwrap().position;
    assert_eq!(back.sums, snapshot.position.sums);
    assert!(back.train_s.is_nan());
}

fn any_tensor() -> impl Strategy<Value = NamedTensor> {
    let element = prop_oneof![
        Just((ElementType::F32, 4_usize)),
        Just((ElementType::F64, 8)),
        Just((ElementType::I64, 8)),
    ];
    let shape = proptest::collection::vec(0..4_usize, 0..4);
    (any::<String>(), element, shape).prop_flat_map(|(name, (element, size_bytes), shape)| {
        let length = shape.iter().product::<usize>() * size_bytes;
        proptest::collection::vec(any::<u8>(), length)
            .prop_map(move |bytes| tensor(&name, element, &shape, bytes))
    })
}

proptest! {
    #[test]
    fn any_snapshot_round_trips(
        tensors in proptest::collection::vec(any_tensor(), 0..6),
        numbers in any::<[u64; 6]>(),
        reals in proptest::array::uniform4(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO | proptest::num::f64::INFINITE),
    ) {
        let mut tensors = tensors;
        tensors.sort_by(|left, right| left.name.cmp(&right.name));
        tensors.dedup_by(|left, right| left.name == right.name);
        let sums = EpochSums {
            images: numbers[0], steps: numbers[1], wrong: numbers[2],
            loss: reals[0], squared_grad_norm: reals[1], train_s: reals[2],
        };
        let position = Position {
            epoch: numbers[3], step_in_epoch: numbers[4], step: numbers[5], sums, best: None, train_s: reals[3],
        };
        let snapshot = Snapshot { network: Some(network()), tensors, position };
        prop_assert_eq!(decode(&encode(&snapshot).unwrap()).unwrap(), snapshot);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(&bytes).is_err());
    }
}
