//! Whose turn it is: small seeded draws, so that every run asks for the same.

/// Splitmix64: a few instructions per number.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    /// Every seed gives a sequence of its own.
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, each as likely as the others.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let scaled = u128::from(self.next()) * end as u128;
        usize::try_from(scaled >> 64).unwrap_or(0)
    }
}

/// Zipf's law: the n-th is drawn in proportion to 1 / n^s. What pgbench calls `random_zipfian`.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// How likely one of the first n is, scaled to 64 bits.
    cumulated: Vec<u64>,
}

impl Zipf {
    pub(crate) fn new(count: usize, s: f64) -> Self {
        let weights: Vec<f64> = (1..=count).map(|n| (n as f64).powf(-s)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let cumulated = weights.iter().map(|weight| {
            sum += weight;
            scaled(sum / total)
        });
        Self {
            cumulated: cumulated.collect(),
        }
    }

    /// A number below `count`; 0 is the likeliest.
    pub(crate) fn draw(&self, draw: &mut Draw) -> usize {
        let drawn = draw.next();
        let found = self.cumulated.partition_point(|&bound| bound <= drawn);
        found.min(self.cumulated.len().saturating_sub(1))
    }
}

/// A share between 0 and 1, as a share of all 64-bit numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate, and shares are positive"
)]
const fn scaled(share: f64) -> u64 {
    (share * u64::MAX as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_as_likely() {
        let mut draw = Draw::seeded(1);
        let mut counts = [0; 10];
        for _ in 0..100_000 {
            counts[draw.below(10)] += 1;
        }
        for count in counts {
            assert!((9_500..10_500).contains(&count), "{counts:?}");
        }
    }

    #[test]
    fn the_first_are_the_likeliest() {
        let zipf = Zipf::new(10_000, 1.5);
        let mut draw = Draw::seeded(1);
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..100_000 {
            counts[zipf.draw(&mut draw)] += 1;
        }
        // 1 / (1 + 2^-1.5 + ... + 10000^-1.5) is 0.386; the second is 2^1.5 times rarer.
        assert!((38_000..39_200).contains(&counts[0]), "{}", counts[0]);
        assert!((13_200..14_200).contains(&counts[1]), "{}", counts[1]);
    }
}
