//! Vectors as both databases store them: 4-byte floats, the lowest byte first.

use std::sync::Arc;

/// Returns the bytes of a vector.
pub(super) fn bytes_of_vector(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Reads a vector; `None` if the bytes are cut.
pub(super) fn vector_of_bytes(bytes: &[u8]) -> Option<Arc<[f32]>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
