//! Functions for comparing other implementations with the reference.

mod linear;
mod tokens;
mod trees;

use crate::papers::leaf::{Failure, Function};

/// All of them.
pub fn all() -> Vec<Function> {
    vec![
        linear::merging_step_function(),
        tokens::token_advantages_function(),
        tokens::token_loss_function(),
        trees::objective_function(),
        trees::optimum_function(),
        trees::token_optimum_function(),
    ]
}

/// Largest size of a logit, a log-probability or λ.
const LARGEST: f64 = 1e4;

/// Numbers of a size that keeps results finite.
fn bounded<'a>(what: &str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), Failure> {
    if values.into_iter().any(|v| v.is_nan() || v.abs() > LARGEST) {
        return Err(Failure::invalid(format!("`{what}` must not exceed 10000 in size")));
    }
    Ok(())
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
    fn every_mistake_shows_on_some_vector() {
        for function in all() {
            for fault in &function.faults {
                let shows = function.inputs.iter().any(|input| {
                    function.call(input.clone(), None) != function.call(input.clone(), Some(fault))
                });
                assert!(shows, "{}: {fault}", function.name);
            }
        }
    }

    #[test]
    fn the_example_of_the_loss_clips_one_token_and_truncates_one_weight() {
        let output = call("token-loss", &|_| ()).unwrap();
        assert_eq!(output["clipped"], json!(1));
        assert_eq!(output["slopes"][0], json!(0.0));
        assert_eq!(output["weights"][0][2], json!(5.0));
    }

    #[test]
    fn the_student_that_is_the_optimum_has_the_value_of_the_optimum() {
        let output = call("objective", &|v| {
            v["student"] = v["teacher"].clone();
            v["lambda"] = json!(1.0);
        })
        .unwrap();
        for (name, known) in [("objective", 0.0), ("log_z", 0.0), ("divergence", 0.0)] {
            approx::assert_relative_eq!(output[name].as_f64().unwrap(), known, epsilon = 1e-15);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 16] = [
            ("token-advantages", |v| v["teacher"] = json!([-1.0])),
            ("token-advantages", |v| v["teacher"][0] = json!(0.5)),
            ("token-advantages", |v| v["lambda"] = json!(1e300)),
            ("token-loss", |v| v["responses"] = json!([])),
            ("token-loss", |v| v["clip_low"] = json!(-0.1)),
            ("token-loss", |v| {
                v["responses"][0]["old"][0] = json!(-9000.0);
                v["responses"][0]["teacher"][0] = json!(-9990.0);
            }),
            ("optimum", |v| v["teacher"] = json!([])),
            ("optimum", |v| v["teacher"] = json!([1e5, 0.0, 0.0])),
            ("objective", |v| v["vocabulary"] = json!(3)),
            ("objective", |v| v["horizon"] = json!(0)),
            ("objective", |v| v["horizon"] = json!(1_000_000_000_000_u64)),
            ("objective", |v| v["student"][0][0] = json!(-1e10)),
            ("token-optimum", |v| v["reference"] = json!([[0.0, 0.0]])),
            ("merging-step", |v| v["domains"][0] = json!(2)),
            ("merging-step", |v| v["features"] = json!([])),
            ("merging-step", |v| v["reference"] = json!([[0.0]])),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &change), Err(Failure::Invalid(_))), "{name}");
        }
    }
}
