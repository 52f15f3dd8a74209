//! The table that `verify` ends with.

use super::{
    Detail, explain,
    pen::{Pen, WIDTH, wrapped},
};
use crate::{
    check::evidence::{ClaimResult, Verdicts},
    claim::{Scope, Verdict},
    report::{
        example,
        markdown::abridged,
        words::{self, Tally},
    },
};

/// Columns that a statement has at least.
const NARROWEST_STATEMENT: usize = 30;

/// Claims by paper; what is not as expected first, with its reasons; at the end what was and was
/// not shown.
#[must_use]
pub fn table(verdicts: &Verdicts, colour: bool, detail: Detail) -> String {
    let pen = Pen { colour };
    let mut out = String::new();
    let unexpected: Vec<&ClaimResult> = verdicts.claims.iter().filter(|c| !c.as_expected).collect();
    if !unexpected.is_empty() {
        out += &format!("{}\n\n", pen.bad("Not as expected"));
        out.extend(unexpected.iter().map(|claim| failure(claim, pen) + "\n"));
    }
    if detail == Detail::Failures {
        return out;
    }
    for claims in verdicts.claims.chunk_by(|a, b| a.paper == b.paper) {
        let slug = &claims[0].paper;
        let title = verdicts.papers.iter().find(|p| p.slug == *slug).map_or(slug, |p| &p.title);
        out += &format!("{}\n", pen.strong(title));
        if detail == Detail::Evidence {
            out.push('\n');
            out.extend(claims.iter().map(|claim| explain(claim, &verdicts.run, colour) + "\n"));
        } else {
            let columns = Columns::of(claims);
            out.extend(claims.iter().map(|claim| columns.row(claim, pen)));
            out.push('\n');
        }
    }
    out + &summary(verdicts, pen)
}

/// A claim that is not as expected: why, and how to replay it.
fn failure(claim: &ClaimResult, pen: Pen) -> String {
    let verdict = pen.verdict(claim.verdict, claim.verdict.word());
    let mut out = format!("  {}  {verdict}, {}\n", pen.strong(&claim.id), words::standing(claim));
    out += &wrapped("    ", &claim.statement);
    out.extend(words::reasons(claim).iter().map(|reason| wrapped("    - ", reason)));
    for counterexample in claim.evidence.iter().filter_map(|e| e.counterexample.as_ref()) {
        out += &wrapped("    - counterexample: ", &example::instance(counterexample));
    }
    out + &format!("    replay: {}\n", claim.replay)
}

/// Widths of the columns of a paper's table.
#[derive(Clone, Copy)]
struct Columns {
    id: usize,
    verdict: usize,
    scope: usize,
    margin: usize,
}

impl Columns {
    fn of(claims: &[ClaimResult]) -> Self {
        let widest = |width: fn(&ClaimResult) -> usize| claims.iter().map(width).max().unwrap_or(0);
        Self {
            id: widest(|c| c.id.chars().count()),
            verdict: widest(|c| c.verdict.word().len()),
            scope: widest(|c| c.scope.word().len()),
            margin: widest(|c| margin(c).chars().count()),
        }
    }

    fn row(self, claim: &ClaimResult, pen: Pen) -> String {
        let Self { id, verdict, scope, margin: width } = self;
        let mark = if claim.as_expected { " " } else { "!" };
        let statement = WIDTH.saturating_sub(id + verdict + scope + width + 10).max(NARROWEST_STATEMENT);
        format!(
            "{mark} {:id$}  {}  {:scope$}  {:width$}  {}\n",
            claim.id,
            pen.verdict(claim.verdict, &format!("{:verdict$}", claim.verdict)),
            claim.scope,
            margin(claim),
            pen.faint(&abridged(&claim.statement, statement))
        )
    }
}

fn margin(claim: &ClaimResult) -> String {
    if claim.margin.is_some() { format!("margin {}", words::margin(claim)) } else { String::new() }
}

fn summary(verdicts: &Verdicts, pen: Pen) -> String {
    let tally = words::tally(&verdicts.claims);
    let shown = |v: Verdict| matches!(v, Verdict::Corroborated | Verdict::Refuted);
    let run = &verdicts.run;
    let effort = format!("{} tier, root seed {}. ", words::tier(run.tier), run.root_seed);
    let standing = match verdicts.claims.iter().filter(|c| !c.as_expected).count() {
        0 => pen.good("Every verdict is as expected."),
        1 => pen.bad("1 verdict is not as expected, see above."),
        n => pen.bad(&format!("{n} verdicts are not as expected, see above.")),
    };
    [
        format!("{}\n", pen.strong("Shown, on the small references (scopes are not added together)")),
        by_scope(&tally, shown),
        format!("{}\n", pen.strong("Not shown")),
        by_scope(&tally, |v| !shown(v)),
        wrapped("", &(effort + &words::error_bound(run))),
        format!("{}\n", pen.faint(&format!("Digest of the verdicts: {}", run.verdicts))),
        format!("{standing}\n"),
    ]
    .concat()
}

/// One line a scope with the numbers of claims of some verdicts.
fn by_scope(tally: &Tally, wanted: impl Fn(Verdict) -> bool) -> String {
    let mut lines = String::new();
    for (scope, by_verdict) in tally {
        let chosen = by_verdict.iter().filter(|(v, _)| wanted(**v)).map(|(v, n)| (*v, *n)).collect();
        let remark = match scope {
            Scope::Mechanism => "  (the direction, not the published magnitude)",
            _ => "",
        };
        let counts = words::counts(&chosen);
        if !counts.is_empty() {
            lines += &format!("  {scope:12}  {counts}{remark}\n");
        }
    }
    if lines.is_empty() { "  nothing\n".into() } else { lines }
}
