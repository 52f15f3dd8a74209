//! The pure functions of the reference, for `eval`.

mod estimates;
mod processes;
mod updates;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, weights::second_moment};
use crate::papers::leaf::{Failure, Function};

/// All of them.
pub fn all() -> Vec<Function> {
    let moment = Function::with_faults(
        "second-moment",
        "E w² = exp(H ‖Δ‖²/σ²) of the likelihood ratio of a trajectory under a normal policy.",
        &Shift { horizon: 20, distance: 0.3, sigma: 1.0 },
        &[Fault::OneStepWeight],
        weight_moment,
    )
    .also(&Shift { horizon: 1, distance: 0.3, sigma: 1.0 })
    .also(&Shift { horizon: 50, distance: 0.2, sigma: 0.5 });
    let mut all = estimates::all();
    all.extend(updates::all());
    all.extend(processes::all());
    all.push(moment);
    all
}

/// Holds a list to finite numbers, and at least one.
fn finite(name: &str, values: &[f64]) -> Result<(), Failure> {
    if !values.is_empty() && values.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Failure::invalid(format!("`{name}` must be finite numbers, and at least one")))
}

/// A result as long as its numbers are finite: the input may have been too large for them.
fn representable<T>(result: T, numbers: &[&[f64]]) -> Result<T, Failure> {
    if numbers.iter().all(|list| list.iter().all(|x| x.is_finite())) {
        return Ok(result);
    }
    Err(Failure::invalid("the numbers are too large: the result exceeds the largest number"))
}

/// A shift of a normal policy.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shift {
    /// H.
    horizon: usize,
    /// ‖Δ‖.
    #[schemars(range(min = 0.0))]
    distance: f64,
    /// σ.
    #[schemars(range(min = 1e-6))]
    sigma: f64,
}

#[derive(Serialize, JsonSchema)]
struct Moment {
    /// E w².
    second_moment: f64,
}

fn weight_moment(input: &Shift, fault: Option<Fault>) -> Result<Moment, Failure> {
    let moment = second_moment(input.horizon, input.distance, input.sigma, fault);
    if !(input.sigma > 0.0 && moment.is_finite()) {
        return Err(Failure::invalid("`sigma` must be positive, and the moment below the largest number"));
    }
    Ok(Moment { second_moment: moment })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(name: &str, change: &dyn Fn(&mut Value)) -> Result<Value, Failure> {
        let function = all().into_iter().find(|f| f.name == name).unwrap();
        function.call_changed(change)
    }

    #[test]
    fn examples_evaluate_to_finite_numbers() {
        for function in all() {
            let output = function.call(function.example.clone(), None).unwrap();
            assert!(!output.to_string().contains("null"), "{}: {output}", function.name);
        }
    }

    #[test]
    fn a_step_by_hand() {
        // t = 2: η = 1/2, d = ((1 + 0.2) + 0.8)/2 = 1, and the step is 1/4.
        let output = call("step", &|v| {
            *v = json!({"algorithm": "n-harpg", "t": 2, "constant": 1.0, "theta": [0.5],
                "direction": [1.0], "gradient": [0.8], "correction": [0.2]});
        });
        assert_eq!(output.unwrap(), json!({"direction": [1.0], "theta": [0.75]}));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 14] = [
            ("estimates", |v| v["trajectory"] = json!([])),
            ("estimates", |v| v["trajectory"][0]["action"] = json!(2)),
            ("estimates", |v| v["vector"] = json!([[1.0]])),
            ("estimates", |v| v["discount"] = json!(1.0)),
            ("normal-estimates", |v| v["actions"][0] = json!([1.0])),
            ("normal-estimates", |v| v["rewards"] = json!([1.0])),
            ("normal-estimates", |v| v["sigma"] = json!(0.0)),
            ("normal-estimates", |v| v["rewards"] = json!([1e308, 1e308])),
            ("fisher-information", |v| v["rewards"] = json!([[0.0], [1.0]])),
            ("fisher-information", |v| v["logits"] = json!([])),
            ("transported-point", |v| v["t"] = json!(0)),
            ("step", |v| v["gradient"] = json!([1.0])),
            ("gap-bound", |v| v["start"] = json!([1.0, 1.0])),
            ("second-moment", |v| v["horizon"] = json!(1_000_000)),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &change), Err(Failure::Invalid(_))), "{name}");
        }
    }
}
