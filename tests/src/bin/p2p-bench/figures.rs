//! What one round measured, and how rounds are put together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What the figures are measured in.
pub(crate) const UNITS: &str = "throughput: offers, deals or payments per second; *_ms: milliseconds; cpu_*: processor seconds per \
    1,000 of what the throughput counts; rss_mb: megabytes; batch: commands per commit; baseline: the figure that the \
    ratio divides by";

/// The names of figures.
pub(crate) mod key {
    pub(crate) const THROUGHPUT: &str = "throughput";
    pub(crate) const P50: &str = "p50_ms";
    pub(crate) const P99: &str = "p99_ms";
    pub(crate) const P999: &str = "p999_ms";
    /// What `RATIO` divides by: a throughput, or a latency where the target is one.
    pub(crate) const BASELINE: &str = "baseline";
    pub(crate) const RATIO: &str = "ratio";
    pub(crate) const CPU_SERVER: &str = "cpu_server";
    pub(crate) const CPU_DATABASE: &str = "cpu_database";
    pub(crate) const CPU_LOAD: &str = "cpu_load_generator";
    /// Commands per commit, on average.
    pub(crate) const BATCH: &str = "batch";
    pub(crate) const RSS: &str = "rss_mb";
    /// Of a baseline, how many clients it did best with.
    pub(crate) const CLIENTS: &str = "clients";
}

/// Figures by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    pub(crate) fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).copied()
    }

    pub(crate) fn set(&mut self, key: &str, value: f64) {
        self.0.insert(key.to_owned(), value);
    }

    /// With one more.
    pub(crate) fn with(mut self, key: &str, value: f64) -> Self {
        self.set(key, value);
        self
    }

    /// With the baseline's value of a figure, and how ours compares: larger is better with throughputs, smaller with
    /// latencies.
    pub(crate) fn against(self, key: &str, baseline: &Self) -> Self {
        let (Some(ours), Some(theirs)) = (self.get(key), baseline.get(key)) else {
            return self;
        };
        self.with(key::BASELINE, theirs)
            .with(key::RATIO, ours / theirs)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        let rounded = |value: f64| (value * 1e6).round() / 1e6;
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), json!(rounded(*value))))
            .collect()
    }
}

/// Which figure has to be how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtLeast(&'static str, f64),
    AtMost(&'static str, f64),
}

impl Target {
    /// Nothing if the figure was not measured.
    pub(crate) fn met_by(self, figures: &Figures) -> Option<bool> {
        match self {
            Self::AtLeast(key, bound) => figures.get(key).map(|value| value >= bound),
            Self::AtMost(key, bound) => figures.get(key).map(|value| value <= bound),
        }
    }

    pub(crate) fn json(self) -> Value {
        match self {
            Self::AtLeast(key, bound) => json!({"figure": key, "at_least": bound}),
            Self::AtMost(key, bound) => json!({"figure": key, "at_most": bound}),
        }
    }
}

/// One line of the table, as one round measured it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) figures: Figures,
    /// What the baseline is, in words.
    pub(crate) versus: &'static str,
    pub(crate) target: Option<Target>,
}

impl Line {
    /// For information: nothing to compare it with.
    pub(crate) fn new(name: impl Into<String>, figures: Figures) -> Self {
        Self {
            name: name.into(),
            figures,
            versus: "",
            target: None,
        }
    }

    pub(crate) const fn versus(mut self, baseline: &'static str) -> Self {
        self.versus = baseline;
        self
    }

    pub(crate) const fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }
}

/// The same line over all rounds.
#[derive(Debug)]
pub(crate) struct Summary {
    /// As the last round had it, but for the figures: of these, the median.
    pub(crate) line: Line,
    rounds: Vec<Figures>,
}

impl Summary {
    /// Lines of the same name belong together; in the order of their first appearance.
    pub(crate) fn of(rounds: &[Vec<Line>]) -> Vec<Self> {
        let mut summaries: Vec<Self> = Vec::new();
        for line in rounds.iter().flatten() {
            let known = summaries.iter_mut().find(|one| one.line.name == line.name);
            match known {
                Some(summary) => summary.rounds.push(line.figures.clone()),
                None => summaries.push(Self {
                    line: line.clone(),
                    rounds: vec![line.figures.clone()],
                }),
            }
        }
        for summary in &mut summaries {
            let keys: Vec<String> = summary.keys();
            let medians = keys.into_iter().map(|key| {
                let median = median(&summary.values(&key));
                (key, median)
            });
            summary.line.figures = Figures(medians.collect());
        }
        summaries
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.rounds.iter().flat_map(Figures::keys).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(str::to_owned).collect()
    }

    fn values(&self, key: &str) -> Vec<f64> {
        self.rounds.iter().filter_map(|one| one.get(key)).collect()
    }

    pub(crate) fn json(&self) -> Value {
        let extreme = |pick: fn(f64, f64) -> f64| -> Figures {
            let keys = self.keys().into_iter();
            Figures(
                keys.filter_map(|key| {
                    let most = self.values(&key).into_iter().reduce(pick)?;
                    Some((key, most))
                })
                .collect(),
            )
        };
        json!({
            "name": self.line.name,
            "versus": self.line.versus,
            "target": self.line.target.map(Target::json),
            "target_met": self.line.target.and_then(|target| target.met_by(&self.line.figures)),
            "median": self.line.figures.json(),
            "min": extreme(f64::min).json(),
            "max": extreme(f64::max).json(),
            "rounds": self.rounds.iter().map(Figures::json).collect::<Vec<_>>(),
        })
    }
}

/// The middle one; of an even number, the mean of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len() % 2) {
        (None, _) => f64::NAN,
        (Some(upper), 0) => (upper + sorted[sorted.len() / 2 - 1]) / 2.0,
        (Some(middle), _) => *middle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_put_together() {
        let round = |rate: f64| {
            let baseline = Figures::default().with(key::THROUGHPUT, 10.0);
            let ours = Figures::default().with(key::THROUGHPUT, rate);
            let target = Target::AtLeast(key::RATIO, 2.0);
            vec![
                Line::new("a", ours.against(key::THROUGHPUT, &baseline)).target(target),
                Line::new("b", Figures::default()),
            ]
        };
        let summaries = Summary::of(&[round(30.0), round(10.0), round(20.0)]);
        let [a, b] = summaries.as_slice() else {
            panic!("{summaries:?}")
        };
        assert_eq!(b.line.name, "b");
        let figures = &a.line.figures;
        assert_eq!(figures.get(key::RATIO), Some(2.0));
        assert_eq!(Target::AtLeast(key::RATIO, 2.0).met_by(figures), Some(true));
        assert_eq!(Target::AtMost(key::P50, 2.0).met_by(figures), None);
        let json = a.json();
        assert_eq!(json["target_met"], true);
        assert_eq!(json["min"]["throughput"], 10.0);
        assert_eq!(json["max"]["ratio"], 3.0);
        assert_eq!(json["rounds"][1]["throughput"], 10.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
