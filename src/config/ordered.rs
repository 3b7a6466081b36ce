//! A table whose values have one type, in the order in which they were written.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Keys with their values.
pub type Ordered<T> = Vec<(String, T)>;

/// Whether one of the keys is `key`.
pub fn has<T>(keys: &Ordered<T>, key: &str) -> bool {
    keys.iter().any(|(own, _)| own == key)
}

/// Reads a table.
pub fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Ordered<T>, D::Error> {
    deserializer.deserialize_map(Entries(PhantomData))
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
        std::iter::from_fn(|| map.next_entry().transpose()).collect()
    }
}
