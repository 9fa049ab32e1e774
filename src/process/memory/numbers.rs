//! Arithmetic of recall. It uses only operations that every machine rounds in the same way: sum, product, quotient, root.

/// Binary digits of a fraction of a half-life.
const DIGITS: u32 = 40;
/// Terms of the series of the logarithm. Its argument is at most 0.172, so the rest is below a double's precision.
const TERMS: u32 = 14;

/// Returns ½ to the power `x`, for `x` of at least 0.
pub fn half_power(x: f64) -> f64 {
    let (whole, mut rest) = (x.trunc().clamp(0.0, 2_000.0), x.fract());
    let mut value = 1.0;
    for _ in 0..whole as u32 {
        value *= 0.5;
    }
    // Each digit of the fraction multiplies by the next root of ½.
    let mut root = 0.5_f64;
    for _ in 0..DIGITS {
        (root, rest) = (root.sqrt(), rest * 2.0);
        if rest >= 1.0 {
            (value, rest) = (value * root, rest - 1.0);
        }
    }
    value
}

/// Returns the natural logarithm of `x`, for `x` of at least 1.
pub fn logarithm(x: f64) -> f64 {
    let (mut m, mut halvings) = (x.max(1.0), 0_u32);
    while m > std::f64::consts::SQRT_2 && halvings < 2_000 {
        (m, halvings) = (m / 2.0, halvings + 1);
    }
    let y = (m - 1.0) / (m + 1.0);
    let (mut power, mut sum) = (y, 0.0);
    for term in 0..TERMS {
        sum += power / f64::from(2 * term + 1);
        power *= y * y;
    }
    f64::from(halvings) * std::f64::consts::LN_2 + 2.0 * sum
}

/// Returns the cosine of the angle between two vectors of one length; 0 if one of them has no direction.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = product(a, a).sqrt() * product(b, b).sqrt();
    if lengths > 0.0 { product(a, b) / lengths } else { 0.0 }
}

/// Normalises values so that the smallest is 0 and the largest 1. If all are equal, all are 0.
pub fn normalise(values: &[f64]) -> Vec<f64> {
    let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    let width = most - least;
    values.iter().map(|value| if width > 0.0 { (value - least) / width } else { 0.0 }).collect()
}

/// Rounds to a millionth.
pub fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "rounded values are exact")]
mod tests {
    use super::*;

    #[test]
    fn powers_of_a_half() {
        for (x, value) in [(0.0, 1.0), (1.0, 0.5), (3.0, 0.125), (0.25, 0.840_896), (2.5, 0.176_777), (0.1, 0.933_033)]
        {
            assert_eq!(round(half_power(x)), value, "{x}");
        }
        assert_eq!(half_power(5_000.0), 0.0);
    }

    #[test]
    fn logarithms() {
        for (x, value) in [(1.0, 0.0), (3.0, 1.098_612), (std::f64::consts::E, 1.0), (7.0, 1.945_910), (1.5, 0.405_465)]
        {
            assert_eq!(round(logarithm(x)), value, "{x}");
        }
        assert!((logarithm(1e6) - 13.815_510_557_964_274).abs() < 1e-12);
    }

    #[test]
    fn cosines() {
        let slanted = round(cosine(&[1.0, 0.0], &[3.0, 4.0]));
        assert_eq!([cosine(&[2.0, 0.0], &[0.5, 0.0]), cosine(&[1.0, 0.0], &[0.0, 3.0]), slanted], [1.0, 0.0, 0.6]);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn the_least_is_0_and_the_most_is_1() {
        assert_eq!(normalise(&[2.0, 6.0, 3.0]), [0.0, 1.0, 0.25]);
        assert_eq!(normalise(&[7.0, 7.0]), [0.0, 0.0]);
        assert_eq!(normalise(&[]), [0.0; 0]);
    }
}
