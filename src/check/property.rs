//! Kind `property`: requirements on every generated instance, decided by proptest.
//!
//! One violating instance fails the check; it is reported in minimal form.

use super::plan::{CheckPlan, Context, Method};
use crate::{claim::PropertySpec, run::Cases};

pub(super) fn plan(spec: &PropertySpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let property = context
        .paper
        .find_property(&spec.property)
        .ok_or_else(|| format!("`{}` has no property `{}`", context.paper.slug, spec.property))?;
    let metrics = spec
        .require
        .iter()
        .map(|r| {
            property
                .metric(&r.metric)
                .ok_or_else(|| format!("`{}` has no metric `{}`", spec.property, r.metric))
        })
        .collect::<Result<_, _>>()?;
    let cases = Cases {
        paper: context.paper.slug.to_owned(),
        property: spec.property.clone(),
        claim: context.claim.id.clone(),
        fault: context.fault.map(str::to_owned),
        cases: spec.cases.of(context.tier),
        require: spec.require.clone(),
    };
    Ok(CheckPlan { kind: "property", subject: spec.property.clone(), method: Method::Cases(cases, metrics) })
}
