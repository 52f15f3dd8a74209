//! What leaves say of faults that cannot reach some settings.

use std::{collections::BTreeSet, path::Path};

use corroborate::{
    check::plan::{Context, Method, plan},
    claim::{self, Controls, Tier},
    kernel::stream::Streams,
    papers::registry,
    run::Sample,
};

/// A control takes replicates that were measured without its fault where the leaf says that the fault
/// cannot change them. Here every such sample of every committed claim is measured once with the fault.
#[test]
fn faults_that_do_not_reach_a_sample_change_nothing_of_it() {
    let leaves = registry();
    let catalogue = claim::load(Path::new(env!("CARGO_MANIFEST_DIR")), &leaves).unwrap();
    let mut tried = BTreeSet::new();
    for paper in &catalogue.papers {
        let leaf = leaves.iter().find(|leaf| leaf.slug == paper.record.slug).unwrap();
        for claim in &paper.claims {
            for check in &claim.checks {
                let Controls::Faults(faults) = &check.controls else { continue };
                for fault in faults {
                    let context = Context {
                        paper: leaf,
                        claim,
                        fault: Some(fault),
                        tier: Tier::Quick,
                        level: 1e-5,
                        times: None,
                    };
                    let Method::Questions { questions, .. } = plan(&check.spec, &context).unwrap().method
                    else {
                        continue;
                    };
                    let spared = questions.iter().flat_map(|q| &q.samples).filter(|s| s.fault.is_none());
                    for Sample { experiment, settings, .. } in spared {
                        if !tried.insert(format!("{} {experiment} {settings} {fault}", leaf.slug)) {
                            continue;
                        }
                        let experiment = leaf.find_experiment(experiment).unwrap();
                        let prepared =
                            experiment.prepare(settings.clone(), &catalogue.data[leaf.slug]).unwrap();
                        let measure =
                            |fault| experiment.replicate(&prepared, fault, &Streams::from_seed(1)).unwrap();
                        assert_eq!(measure(None), measure(Some(fault)), "{tried:?}");
                    }
                }
            }
        }
    }
    assert!(tried.len() > 20, "{tried:?}");
}
