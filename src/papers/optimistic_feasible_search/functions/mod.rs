//! Functions of the reference, JSON in and JSON out.

mod population;
mod selection;

use crate::papers::leaf::{Failure, Function};

/// All functions of the leaf.
pub fn all() -> Vec<Function> {
    let mut functions = population::functions();
    functions.extend(selection::functions());
    functions.sort_by_key(|function| function.name);
    functions
}

fn require(condition: bool, message: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::invalid(message)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(name: &str, change: impl FnOnce(&mut Value)) -> Result<Value, Failure> {
        let functions = all();
        let function = functions.iter().find(|f| f.name == name).unwrap();
        let mut input = function.example.clone();
        change(&mut input);
        function.call(input, None)
    }

    #[test]
    fn examples_are_answered() {
        for function in all() {
            assert!(function.call(function.example.clone(), None).is_ok(), "{}", function.name);
        }
        let selected = call("select", |_| {}).unwrap();
        assert_eq!((&selected["arm"], &selected["because"]), (&json!(1), &json!("largest-index")));
        let swept = call("sweep", |_| {}).unwrap();
        assert_eq!((&swept["best_feasible"], &swept["best"]), (&json!(0), &json!(2)));
    }

    #[test]
    fn an_arm_never_played_has_no_bounds_and_goes_first() {
        let selected = call("select", |input| input["arms"][2]["plays"] = json!(0)).unwrap();
        assert_eq!((&selected["arm"], &selected["because"]), (&json!(2), &json!("unplayed")));
        assert_eq!(selected["bounds"][2], Value::Null);
    }

    #[test]
    fn unusable_input_is_refused() {
        let refused = |name, change: fn(&mut Value)| {
            let answer = call(name, change);
            assert!(matches!(answer, Err(Failure::Invalid(_))), "{name}: {answer:?}");
        };
        refused("select", |input| input["arms"] = json!([]));
        refused("select", |input| input["m"] = json!(0));
        refused("primal-dual", |input| input["cap"] = json!(-1.0));
        refused("sweep", |input| input["arms"] = json!([]));
        refused("sweep", |input| input["arms"][0][0]["good"] = json!(1.5));
        refused("score-model", |input| input["labels"] = json!([0.0]));
        refused("fixed-point", |input| input["p_0"] = json!(0.0));
        refused("fixed-point", |input| input["more"] = json!(0.0));
        refused("observe", |input| input["m"] = json!(0));
        refused("observe", |input| input["groups"][0]["good"] = json!(100));
        refused("synthetic-rates", |input| input["groups"][0]["sd"] = json!(0.0));
    }
}
