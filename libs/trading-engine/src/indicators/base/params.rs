//! The tunable figures of a study: ranges, defaults, and how they show in output names.

use super::study::StudyError;

/// One tunable figure of a study with its allowed range (inclusive).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    pub name: &'static str,
    pub default: f64,
    pub min: f64,
    pub max: f64,
    pub whole: bool,
}

impl Param {
    /// A length in bars.
    pub const fn bars(name: &'static str, default: f64, min: f64) -> Self {
        Self {
            name,
            default,
            min,
            max: 5000.0,
            whole: true,
        }
    }

    /// A real figure.
    pub const fn real(name: &'static str, default: f64, min: f64, max: f64) -> Self {
        Self {
            name,
            default,
            min,
            max,
            whole: false,
        }
    }
}

/// How output names carry parameters: `rsi_14` always, `macd_line` only when they are not the
/// defaults (`macd_line_8_21_5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    Always,
    WhenChanged,
}

/// Checked parameters of one study, in the order of its `PARAMS`.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    study: &'static str,
    table: &'static [Param],
    values: Vec<f64>,
}

impl Params {
    /// Defaults overlaid with `given`; refuses unknown names and values out of range.
    pub fn resolve(
        study: &'static str,
        table: &'static [Param],
        given: &[(String, f64)],
    ) -> Result<Self, StudyError> {
        let mut values: Vec<f64> = table.iter().map(|p| p.default).collect();
        for (name, value) in given {
            let found = table
                .iter()
                .zip(values.iter_mut())
                .find(|(p, _)| p.name == name);
            let Some((param, slot)) = found else {
                let known = table.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
                return Err(StudyError::UnknownParam {
                    study,
                    param: name.clone(),
                    known,
                });
            };
            // Written so that NaN fails as well.
            let inside = *value >= param.min && *value <= param.max;
            if !inside || (param.whole && value.fract() != 0.0) {
                return Err(out_of_range(study, param, *value));
            }
            *slot = *value;
        }
        Ok(Self {
            study,
            table,
            values,
        })
    }

    pub fn real(&self, name: &str) -> f64 {
        let pairs = self.table.iter().zip(&self.values);
        pairs
            .filter(|(p, _)| p.name == name)
            .map(|(_, v)| *v)
            .next()
            .unwrap_or(f64::NAN)
    }

    /// A length in bars; `resolve` made it whole, positive and at most 5,000.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1..=5000"
    )]
    pub fn bars(&self, name: &str) -> usize {
        self.real(name).max(1.0) as usize
    }

    /// Refuses a combination that each single range cannot rule out.
    pub fn require(&self, holds: bool, param: &str, allowed: &str) -> Result<(), StudyError> {
        if holds {
            return Ok(());
        }
        Err(StudyError::ParamRange {
            study: self.study,
            param: param.to_owned(),
            value: self.real(param),
            allowed: allowed.to_owned(),
        })
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.table
            .iter()
            .zip(&self.values)
            .map(|(p, v)| (p.name, *v))
    }

    pub(super) fn suffix(&self, naming: Naming) -> String {
        let mut values = self.table.iter().zip(&self.values);
        let is_default = values.all(|(p, v)| p.default.to_bits() == v.to_bits());
        if naming == Naming::WhenChanged && is_default {
            return String::new();
        }
        self.values
            .iter()
            .fold(String::new(), |suffix, value| format!("{suffix}_{value}"))
    }
}

fn out_of_range(study: &'static str, param: &Param, value: f64) -> StudyError {
    let kind = if param.whole {
        "a whole number from"
    } else {
        "from"
    };
    StudyError::ParamRange {
        study,
        param: param.name.to_owned(),
        value,
        allowed: format!("{kind} {} to {}", param.min, param.max),
    }
}
