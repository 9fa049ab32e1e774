//! The part of a memory that a prompt shows. It moves in leaps, so that the beginning of a prompt stays the same bytes
//! for as long as possible.

use crate::design::mind::Memory;
use std::ops::Range;

/// Returns the first items, and the last ones, of a memory of `items` items. Between them some may be left out.
///
/// Of the n items after the first, those from o on are shown: h = ⌈last/2⌉; o = 0 while n ≤ last, else
/// ⌈(n − last)/h⌉·h.
pub fn window(items: usize, memory: Memory) -> (Range<usize>, Range<usize>) {
    let first = items.min(memory.first as usize);
    let (n, last) = (items - first, memory.last as usize);
    let leap = last.div_ceil(2).max(1);
    let left_out = if n <= last { 0 } else { (n - last).div_ceil(leap) * leap };
    (0..first, first + left_out.min(n)..items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_in_leaps_of_half_its_length() {
        let shown = |items| window(items, Memory { first: 2, last: 5 });
        assert_eq!(shown(0), (0..0, 0..0));
        assert_eq!(shown(1), (0..1, 1..1));
        assert_eq!(shown(7), (0..2, 2..7));
        assert_eq!(shown(8), (0..2, 5..8), "three are left out");
        assert_eq!(shown(10), (0..2, 5..10));
        assert_eq!(shown(11), (0..2, 8..11));
        assert_eq!(window(3, Memory { first: 0, last: 1 }), (0..0, 2..3));
    }
}
